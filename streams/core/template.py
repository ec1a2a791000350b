"""The template of a log message: the message with what varies replaced by `<*>`.

1. A function of the text alone. It learns nothing, so a replay, another worker and next year find the same template;
   see docs/decisions/0002-deterministic-templates.md for what that costs and gains against a learning miner.
2. The template of a template is itself, unless quotes stand unbalanced or it has more than 2,000 characters.
3. Linear in the text's length, of which only the first 2,000 characters count.
4. Of lines made of fields (logfmt, JSON) those that say what happened stay, as templates themselves: of `level=error
   msg="order 7 failed"` all but the number.
"""

import re
from hashlib import blake2b
from typing import Final

LOOKED_AT: Final = 2_000

_ENDS: Final = r"\s\"'<>()\[\]{},;，。；、（）"  # what a value, a path or a URL ends at
_CHARS: Final = r"A-Za-z0-9_.$@#/+\-"  # of one token
_DAY: Final = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_CLOCK: Final = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:[.,][0-9]+)?"
_DOMAINS: Final = r"com|net|org|edu|gov|mil|info|biz|local|internal|[a-z]{2}"

_VERBS: Final = "GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS"
_ROUTE: Final = rf"(?:{_VERBS}) (?>(?:/[A-Za-z_\-]+(?![A-Za-z0-9_\-.%])|/v[0-9]{{1,2}}(?=/)){{1,4}})"

_AT_AN_EDGE: Final = (
    # GET /api/items/42?x=y: what the route begins with stays; what follows varies, if anything follows
    rf"(?P<route>{_ROUTE}[/?])[^\s\"'<>]+",
    rf"(?P<whole_route>{_ROUTE}[/?]?)(?=[\s<]|$)",
    # Sun Dec 04 04:47:44 2005; Dec 4 04:47:44; 4 Dec 2005 04:47
    rf"(?:{_DAY},? )?{_MONTH} +[0-9]{{1,2}}(?:,? [0-9]{{4}})?(?: {_CLOCK})?(?: [A-Z]{{3,4}})?(?: [0-9]{{4}})?\b",
    rf"(?:{_DAY},? )?[0-9]{{1,2}} {_MONTH}(?:,? [0-9]{{4}})?(?: {_CLOCK})?\b",
    # 2026-11-24T13:21:38.123Z, 2026-11-24 13:21:38,123 +0000
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}(?:Z| ?[+-][0-9]{{2}}:?[0-9]{{2}})?(?![A-Za-z0-9_])",
    # /a/path, C:\a\path, scheme://..., each with a port or not
    rf"~?/[^{_ENDS}:=]+(?::[0-9]+)*",
    rf"[A-Za-z]:\\[^{_ENDS}:=]+",
    rf"[a-z][a-z0-9+]{{1,15}}:(?:[a-z]{{1,15}}:)?//?[^{_ENDS}]+",
    # an address of IPv6 or of hardware, a time of day
    r"(?=[A-Fa-f:]{0,9}[0-9])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:[.,][0-9]+)?(?![A-Za-z0-9_:])",
    # whatever else holds a digit: numbers, sizes, ids, hosts, with a port or not; of blk_12 the kind stays
    rf"(?=[A-Za-z_.$@#/+\-]*[0-9])(?P<kind>[A-Za-z]{{2,}}_)?[{_CHARS}]*[A-Za-z0-9_](?::[0-9]+)*",
    # hexadecimal that happens to hold no digit
    rf"(?:[a-f]{{8,}}|[A-F]{{8,}})(?![{_CHARS}])",
    # a host
    rf"[A-Za-z\-]+\.(?:[A-Za-z\-]+\.){{1,8}}(?:{_DOMAINS})(?![{_CHARS}])",
)

# Fields that say what happened
_TELLING: Final = ("level", "lvl", "severity", "msg", "message", "event", "error", "err", "reason", "exception")
_QUOTED: Final = r"\"(?:[^\"\\]|\\.)*\""
_AFTER_ONE: Final = "|".join(rf"(?<=\b{name}=)" for name in _TELLING)
_TOLD: Final = (
    rf"=(?i:{_AFTER_ONE})(?P<told>{_QUOTED}|[A-Za-z]+(?![{_CHARS}]))",
    rf"\"(?:log\.)?(?i:{'|'.join(_TELLING)})\"\s{{0,4}}:\s{{0,4}}(?P<told_in_json>{_QUOTED})",
)

# What varies by its form. The first alternative that fits at a place wins; what the groups hold stays.
_FORMS: Final = re.compile(
    "|".join(
        (
            # most words are plain: they are told apart first, for speed alone
            rf"(?<![{_CHARS}<>*])(?=[{_CHARS}~:])(?![a-z]*[g-z][a-z]* )(?:{'|'.join(_AT_AN_EDGE)})",
            *_TOLD,
            rf"(?P<key>=)[^{_ENDS}&]+",
            # "GET /a/b HTTP/1.1": the verb says what happens, the rest to what
            rf"(?P<verb>\"(?:{_VERBS}) )[^\"]*(?=\")",
            r"\"[^\"]*\"",
            r"'(?<![A-Za-z0-9_]')[^']*'(?![A-Za-z0-9_])",
            # brackets that stand empty where they may hold something
            r"(?P<bracket>\((?<=\s\()(?=\)))",
        )
    ),
    re.ASCII,
)
_WHO: Final = re.compile(
    r"((?:[Ii]nvalid|[Uu]nknown|[Ii]llegal|for|by|as|of) user |[Pp]assword for (?!(?:invalid|unknown|illegal|user) ))"
    r"[^\s,;:()\[\]\"，。；：、（）]+"
)
_TWO: Final = re.compile(r"<\*>[ ,]{1,2}(?:[A-Za-z]+_)?<\*>")
_RUNS: Final = re.compile(r"(?<![A-Za-z_])((?:[A-Za-z]+_)?<\*>)(?:[ ,]{1,2}\1)+")


def template_of(message: str) -> str:
    """The message with what varies replaced by `<*>`."""
    text = " ".join(_FORMS.sub(_mask, message[:LOOKED_AT]).split())
    if " user " in text or "assword for " in text:
        text = _WHO.sub(r"\1<*>", text)
    return _RUNS.sub(r"\1", text) if _TWO.search(text) else text


def template_id(template: str) -> str:
    """Twelve hexadecimal digits that name a template: the same ones everywhere, for ever."""
    return blake2b(template.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _mask(match: re.Match[str]) -> str:
    if match.lastgroup == "whole_route":
        return match[0]
    if match.lastgroup in ("told", "told_in_json"):
        told = match[match.lastgroup]
        said = f'"{template_of(told[1:-1])}"' if told[0] == '"' else told
        return match[0].removesuffix(told) + said
    return f"{match[match.lastindex]}<*>" if match.lastindex else "<*>"
