"""Numbers that are somebody's: payment cards, IBANs, and of China resident IDs and mobile numbers. Each has its mask.

1. A card needs an issuer's prefix and a right Luhn digit, an IBAN and a resident ID (GB 11643-1999) right check digits.
2. A mobile number has no check digit and is as long as a size in bytes. It stands where what is around it tells of a
   size, a place or money, and where it is a whole number of blocks; a moment in milliseconds is two digits longer.
"""

import re
from typing import Any, Final

_BEGINS: Final = r"(?<![A-Za-z0-9_.-])"  # a number is no part of a name, a UUID or a fraction, and not below zero
_ENDS: Final = r"(?![A-Za-z0-9_-]|\.[0-9])"
_CARD: Final = re.compile(
    rf"{_BEGINS}[2-6][0-9]{{3}}(?:[0-9]{{11,15}}|([ -])[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{4}}(?:\1[0-9]{{1,3}})?"
    rf"|([ -])[0-9]{{6}}\2[0-9]{{5}}|[0-9]{{2}} [0-9]{{10,13}}){_ENDS}"
)
_ISSUED: Final = re.compile(
    r"4[0-9]{15}|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}|6(?:011|5[0-9]{2})[0-9]{12}|62[0-9]{14,17}|35[0-9]{14}"
)
_IBAN: Final = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)(?![A-Za-z0-9])"
)
_RESIDENT: Final = re.compile(
    rf"{_BEGINS}[1-8][0-9]{{5}}(?:19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{{3}}[0-9Xx]{_ENDS}"
)
_MOBILE: Final = re.compile(
    r"(?<![A-Za-z0-9_.$€£¥₹-])(?:\+?86[ -]?)?(1[3-9][0-9]([ -]?)[0-9]{4}\2[0-9]{4})(?![A-Za-z0-9_-]|[.,][0-9])"
)
_MEASURED: Final = re.compile(
    r"(?i)(?:size|bytes?|offset|pos(?:ition)?|len(?:gth)?|limit|mem(?:ory)?|heap|capacity|free|used|available|total|count"
    r"|seq(?:uence)?|read|written|wrote|rs\.?|usd|cny|eur)[^A-Za-z0-9]{0,4}$"
)
_UNIT: Final = re.compile(
    r" ?(?i:bytes?|[kmgt]?i?b|[mun]?s|seconds?|rows?|records?|shares?|dollars?|yuan|usd|%)(?![A-Za-z])|[元股万亿美]"
)
_BLOCK: Final = 65_536
# What any of them starts with; most texts hold no such thing. A set of characters at its head is searched for fast
_NUMBER: Final = re.compile(
    r"[1-8A-Z](?<![A-Za-z0-9].)(?:[0-9]{3}(?:[0-9]{7}|[ -][0-9]{4}|[0-9]{2}[ -][0-9]{6})|[A-Z][0-9]{2}[0-9A-Z -]{7}"
    r"|[3-9][0-9][ -][0-9]{4}[ -])"
)
_OF_A_PHONE: Final = re.compile(r"(?i).*(?:phone|mobile|(?<![a-z])tel(?:ephone)?|手机号?|电话)(?:[_-]?(?:no|number))?")

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"


def mask_numbers(text: str) -> str:
    """`text` with such numbers masked."""
    if not _NUMBER.search(text):
        return text
    text = _RESIDENT.sub(_mask_resident, text)
    text = _IBAN.sub(_mask_iban, _CARD.sub(_mask_card, text))
    return _MOBILE.sub(_mask_mobile, text)


def mask_integer(number: int, *, key: str) -> Any:
    """A JSON number, or its mask. Of a mobile number its field has to tell: as a number it looks like any other."""
    if not 10**10 <= number < 10**19:
        return number
    digits = str(number)
    if _is_card(digits):
        return "<card>"
    if _RESIDENT.fullmatch(digits) and _is_resident(digits):
        return "<id>"
    return "<phone>" if _OF_A_PHONE.fullmatch(key) and _MOBILE.fullmatch(digits) else number


def _mask_card(match: re.Match[str]) -> str:
    return "<card>" if _is_card(match[0].replace(" ", "").replace("-", "")) else match[0]


def _mask_iban(match: re.Match[str]) -> str:
    return "<iban>" if _is_iban(match[0].replace(" ", "")) else match[0]


def _mask_resident(match: re.Match[str]) -> str:
    return "<id>" if _is_resident(match[0]) else match[0]


def _mask_mobile(match: re.Match[str]) -> str:
    if match[0].isdigit() and _is_measure(match):
        return match[0]
    return "<phone>"


def _is_measure(match: re.Match[str]) -> bool:
    """Whether a number of eleven digits is rather a size, a place or money."""
    text, start, end = match.string, match.start(), match.end()
    return (
        int(match[0]) % _BLOCK == 0
        or bool(_UNIT.match(text, end))
        or bool(_MEASURED.search(text[max(0, start - 16) : start]))
    )


def _is_card(digits: str) -> bool:
    """Whether an issuer gives such numbers and the Luhn digit is right."""
    if not _ISSUED.fullmatch(digits):
        return False
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0


def _is_iban(letters: str) -> bool:
    """Whether the check digits of ISO 13616 are right."""
    return int("".join(str(int(character, 36)) for character in letters[4:] + letters[:4])) % 97 == 1


def _is_resident(number: str) -> bool:
    """Whether the check digit of GB 11643-1999 is right."""
    weighed = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    return _CHECKS[weighed % 11] == number[-1].upper()
