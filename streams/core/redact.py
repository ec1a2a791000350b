"""Secrets in texts are masked before anything is stored or published.

1. Masked are e-mail addresses, payment cards, IBANs, private keys, tokens of well-known forms, what follows `Bearer`,
   user:password in URLs, and the value of a key such as `password`, `api_key`, `dbPassword` or `密码`.
2. Rather let a doubtful thing stand than spoil a text: cards need an issuer's prefix and a right Luhn digit, IBANs a
   right checksum, and a `token: word` of prose is no secret.
3. A function of the text alone, and `redact(redact(x)) == redact(x)`.
4. Linear in the text's length: a pattern starts at the edge of a word or with a name, and what repeats is bounded.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from ahocorasick_rs import AhoCorasick, Implementation

MASK: Final = "<secret>"
PASSES: Final = 8  # one mask can lay bare the next; texts that need a third pass are made, not met

_NAMES: Final = (
    r"pass(?:word|wd|phrase)|pwd|(?<=_)pass|token|(?:api|access|private|secret)[_-]?key|(?-i:AccountKey)"
    r"|(?:client[_-]?)?secret|authorization|credentials?|cookie|session[_-]?id"
)
# A name begins a word, or a part of one: accessToken, PGPASSWORD
_NAME: Final = rf"(?:(?<![A-Za-z0-9])|(?<=[a-z0-9])(?=[A-Z])|(?i:(?=pass(?:w|phrase))))(?i:{_NAMES})"
_SECRET_KEY: Final = re.compile(rf".*{_NAME}", re.DOTALL)
_BARE: Final = r"[^\s,;&<>\"'(){}\[\]/=][^\s,;&<>\"'(){}\[\]]*"

_PRIVATE_KEY: Final = (
    r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[A-Za-z0-9+/=\s:,]*(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?"
)
_URL_LOGIN: Final = r"(?<=://)[^\s/@:<>\"']{0,256}:[^\s/<>\"']{1,256}(?=@)"  # redis has no user; some passwords an @
_EMAIL: Final = (
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)
_KNOWN_FORM: Final = (
    r"(?<![A-Za-z0-9_-])(?:(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}"
    r"|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}|glpat-[A-Za-z0-9_-]{20,255}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,255}|[spr]k_(?:live|test)_[A-Za-z0-9]{10,255}"
    r"|hf_[A-Za-z0-9]{30,255}|npm_[A-Za-z0-9]{36}|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,255}"
    r"|sk-(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{20,255}"
    r"|eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{4,4096}(?:\.[A-Za-z0-9_-]{0,4096})?)(?![A-Za-z0-9_-])"
)
_BEARER: Final = (
    r"(?<![A-Za-z0-9_])((?i:bearer|basic)\s{1,8})(?=[A-Za-z_.~+/-]{0,256}[0-9=])[A-Za-z0-9_.~+/-]{8,4096}={0,2}"
)
# After `Authorization:` no sentence follows, unless it is about one: what has no digit needs capitals within
_AUTHORIZED: Final = (
    r"((?i:authorization)\s{0,4}[:=]\s{0,4}[A-Za-z]{1,16}\s{1,8})"
    r"(?=[A-Za-z_.~+/-]{0,256}(?:[0-9=]|(?<=[a-z])[A-Z]))[A-Za-z0-9_.~+/=-]{8,4096}"
)
# password=x, "password": "x", \"password\": \"x\"; after a colon in prose only what looks like one: password: hunter22
_NAMED: Final = (
    rf"({_NAME}(?:\\{{0,2}}[\"'])?\s{{0,4}}(?:"
    r"=\s{0,4}(?!(?i:bearer|basic)\s|<secret>)(?=\S)"
    r"|:\s{0,4}(?=\\{0,2}[\"'](?!<secret>)|(?=[^\s0-9]{0,256}[0-9])[^\s<]{8})))"
    rf"(?:\\{{0,2}}\"[^\"\n]{{1,4096}}\"|\\{{0,2}}'[^'\n]{{1,4096}}'|{_BARE})"
)
_NAMED_IN_CHINESE: Final = r"((?:密码|口令|密钥)\s{0,4}[:=：]\s{0,4})(?!<secret>)[!-~]{6,4096}"

# Each rule: marks (in lower case; a text that holds none of them cannot match), pattern, what it becomes.
_RULES: Final[tuple[tuple[tuple[str, ...], str, str], ...]] = (
    (("private key",), _PRIVATE_KEY, MASK),
    (("://",), _URL_LOGIN, MASK),
    (("@",), _EMAIL, "<email>"),
    (
        (
            "akia",
            "asia",
            "aiza",
            "ghp_",
            "gho_",
            "ghu_",
            "ghs_",
            "ghr_",
            "github_pat_",
            "glpat-",
            "xox",
            "sk-",
            "k_live_",
            "k_test_",
            "hf_",
            "npm_",
            "sg.",
            "eyj",
        ),
        _KNOWN_FORM,
        MASK,
    ),
    (("bearer", "basic"), _BEARER, rf"\1{MASK}"),
    (("authorization",), _AUTHORIZED, rf"\1{MASK}"),
    (
        ("pass", "pwd", "secret", "token", "key", "authorization", "credential", "cookie", "session"),
        _NAMED,
        rf"\1{MASK}",
    ),
    (("密码", "口令", "密钥"), _NAMED_IN_CHINESE, rf"\1{MASK}"),
)

_CARD: Final = re.compile(
    r"(?<![A-Za-z0-9_.-])[2-6][0-9]{3}(?:[0-9]{11,12}|([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|([ -])[0-9]{6}\2[0-9]{5})"
    r"(?![A-Za-z0-9_-]|\.[0-9])"
)
_ISSUED: Final = re.compile(
    r"4[0-9]{15}|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}|6(?:011|5[0-9]{2}|2[0-9]{2})[0-9]{12}|35[0-9]{14}"
)
_IBAN: Final = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)(?![A-Za-z0-9])"
)
_NUMBER: Final = re.compile(r"(?<![A-Za-z0-9])(?:[2-6][0-9]{3}|[A-Z]{2}[0-9]{2})[0-9A-Z -]{7}")  # starts either

_PATTERNS: Final = tuple((re.compile(pattern), becomes) for _marks, pattern, becomes in _RULES)
_MARKS: Final = tuple((mark, rule) for rule, (marks, _p, _b) in enumerate(_RULES) for mark in marks)
_RULE_OF_MARK: Final = tuple(rule for _mark, rule in _MARKS)
_find_marks: Final[Callable[..., list[tuple[int, int, int]]]] = AhoCorasick(
    [mark for mark, _rule in _MARKS], implementation=Implementation.DFA
).find_matches_as_indexes


def redact(text: str) -> str:
    """`text` with its secrets masked."""
    for _ in range(PASSES):
        masked = _pass(text)
        if masked == text:
            break
        text = masked
    return text


def redact_fields(value: Any, *, key: str = "") -> Any:
    """A decoded JSON value with its secrets masked: in every text, and whatever stands under a key that names one."""
    if isinstance(value, dict):
        return {name: redact_fields(inner, key=name) for name, inner in value.items()}
    if isinstance(value, list):
        return [redact_fields(inner, key=key) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    if key and _SECRET_KEY.fullmatch(key):
        return MASK
    if isinstance(value, str):
        return redact(value)
    return "<card>" if isinstance(value, int) and 0 < value < 10**16 and _is_card(str(value)) else value


def _pass(text: str) -> str:
    found = _find_marks(text.lower())
    if found:
        for rule in sorted({_RULE_OF_MARK[mark] for mark, _start, _end in found}):
            pattern, becomes = _PATTERNS[rule]
            text = pattern.sub(becomes, text)
    if _NUMBER.search(text):
        text = _IBAN.sub(_mask_iban, _CARD.sub(_mask_card, text))
    return text


def _mask_card(match: re.Match[str]) -> str:
    return "<card>" if _is_card(match[0].replace(" ", "").replace("-", "")) else match[0]


def _mask_iban(match: re.Match[str]) -> str:
    return "<iban>" if _is_iban(match[0].replace(" ", "")) else match[0]


def _is_card(digits: str) -> bool:
    """Whether an issuer gives such numbers and the Luhn digit is right."""
    if not _ISSUED.fullmatch(digits):
        return False
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0


def _is_iban(letters: str) -> bool:
    """Whether the check digits of ISO 13616 are right."""
    return int("".join(str(int(character, 36)) for character in letters[4:] + letters[:4])) % 97 == 1
