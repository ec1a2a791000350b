"""Secrets in texts are masked before anything is stored or published.

1. Masked are e-mail addresses, numbers that are somebody's (`personal.py`), private keys, tokens of well-known forms,
   what follows `Bearer`, user:password in URLs, what a command line is given as `--password` or `curl -u`, and the
   value of a key such as `password`, `api_key`, `dbPassword` or `密码`.
2. Rather let a doubtful thing stand than spoil a text: numbers need right check digits, and a `token: word` of prose is
   no secret, nor is `--token word`.
3. A function of the text alone, and `redact(redact(x)) == redact(x)`.
4. Linear in the text's length: a pattern starts at the edge of a word or with a name, and what repeats is bounded.
"""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from ahocorasick_rs import AhoCorasick, Implementation

from streams.core.personal import mask_integer, mask_numbers

MASK: Final = "<secret>"
PASSES: Final = 8  # one mask can lay bare the next; texts that need a third pass are made, not met

_NAMES: Final = (
    r"pass(?:word|wd|phrase)|pwd|(?<=_)pass|token|(?:api|access|private|secret)[_-]?key|(?-i:AccountKey)"
    r"|(?:client[_-]?)?secret|authorization|credentials?|cookie|sess(?:ion)?[_-]?id|connect\.sid"
)
# A name begins a word, or a part of one: accessToken, PGPASSWORD, PHPSESSID
_NAME: Final = rf"(?:(?<![A-Za-z0-9])|(?<=[a-z0-9])(?=[A-Z])|(?i:(?=pass(?:w|phrase)|sess(?:ion)?id)))(?i:{_NAMES})"
_BRIEF: Final = r"(?:(?<![A-Za-z0-9])|(?<=[a-z0-9])(?=P))(?i:pass)"  # tests pass, too
# What stands under the first is secret; under the others a number is how many: tokens: 512, pass: 12
_SECRET_KEY: Final = re.compile(rf".*(?:({_NAME}|密码|口令|密钥)|{_NAME}s|{_BRIEF})", re.DOTALL)
_BARE: Final = r"[^\s,;&<>\"'(){}\[\]/=][^\s,;&<>\"'(){}\[\]]*"

# Within one line its lines end in a backslash and an n; an encrypted key and PGP's have headers
_PRIVATE_KEY: Final = (
    r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----"
    r"[A-Za-z0-9+/=\s:,.()\\]*(?:-(?!----)[A-Za-z0-9+/=\s:,.()\\]*)*"
    r"(?:-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----)?"
)
# redis has no user; some passwords an @, some a slash, but a port has none, nor what stands in [brackets]
_URL_LOGIN: Final = (
    r"(?<=://)[^\s/@:<>\"']{0,256}:[^\s/<>\"']{1,256}(?=@)"
    r"|(?<=://)(?!\[)[^\s/@:<>\"']{0,256}:(?![0-9]{1,5}[/,?#])[^\s@<>\"'?#,;&]{1,256}(?=@)"
)
_EMAIL: Final = (
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)
_KNOWN_FORM: Final = (
    r"(?<![A-Za-z0-9_-])(?:(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}"
    r"|LTAI(?=[A-Za-z]{0,26}[0-9])[A-Za-z0-9]{12,26}|AKID(?=[A-Za-z]{0,40}[0-9])[A-Za-z0-9]{28,40}"
    r"|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}|gl(?:pat|rt|dt|ptt)-[A-Za-z0-9_.-]{20,255}"
    r"|whsec_[A-Za-z0-9+/]{24,255}={0,2}|pypi-[A-Za-z0-9_-]{32,1024}|dckr_pat_[A-Za-z0-9_-]{20,255}"
    r"|shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}|hv[sb]\.[A-Za-z0-9_-]{24,1024}|do[opr]_v1_[a-f0-9]{64}"
    r"|ya29\.[A-Za-z0-9_.-]{20,2048}|GOCSPX-[A-Za-z0-9_-]{20,64}|xapp-[A-Za-z0-9-]{10,255}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,255}|[spr]k_(?:live|test)_[A-Za-z0-9]{10,255}"
    r"|hf_[A-Za-z0-9]{30,255}|npm_[A-Za-z0-9]{36}|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,255}"
    r"|sk-(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{20,255}"
    r"|eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{4,4096}(?:\.[A-Za-z0-9_-]{0,4096})?)(?![A-Za-z0-9_-])"
)
_TELEGRAM: Final = r"(?<![0-9])[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"  # after `bot`, in its URLs
# Who knows such an address may write there
_WEBHOOK: Final = (
    r"(hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/"
    r"|open\.feishu\.cn/open-apis/bot/v2/hook/|qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=)[A-Za-z0-9_/-]{8,256}"
)
_SIGNED: Final = r"(?<![A-Za-z0-9_])((?i:sig|(?:X-(?:Amz|Goog)-)?signature)=)[A-Za-z0-9%+/_-]{32,1024}={0,2}"
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
# Tests pass as well (pass=12): a password begins otherwise than a number, and has a digit
_PASSED: Final = rf"({_BRIEF}\s?=\s?)(?=[A-Za-z!@#$%^*_][^\s,;&<>\"']{{0,63}}?[0-9])(?=[^\s<]{{6}}){_BARE}"
# What a command line is given. In prose a word follows the name of an option: a secret has a digit, a sign or capitals
_OPTION: Final = (
    rf"((?<![A-Za-z0-9_.-])--?[A-Za-z0-9_.-]{{0,48}}?(?:{_NAME}|{_BRIEF})\s{{1,4}})"
    r"(?:\"[^\"\n]{1,256}\"|'[^'\n]{1,256}'"
    rf"|(?!-)(?=[^\s<]{{6}})(?=[^\s,;]{{0,255}}?(?:[0-9!@#%^*+~]|[a-z][A-Z])){_BARE})"
)
_CURL: Final = (
    r"((?<![A-Za-z0-9_-])curl(?=\s)[^\n]{0,128}?\s"
    r"(?:-[A-Za-z]{0,8}[uU]|--(?:proxy-)?user)[\s=]{0,2}[\"']?[^\s:\"'<]{0,64}:)"
    r"[^\s\"'<]{1,256}"
)
_CLIENT: Final = (
    r"((?<![A-Za-z0-9_-])(?:mysql(?:dump|admin|import)?(?=\s{1,4}-)[^\n]{0,64}?\s-p|sshpass\s{1,4}-p\s{0,4}"
    r"|redis-cli(?=\s)[^\n]{0,128}?\s-a\s{1,4}))(?:\"[^\"\n]{1,256}\"|'[^'\n]{1,256}'|[^\s\"'<]{1,256})"
)
# Chinese has no blanks: a secret is what is ASCII. 密码是base64编码的 is a sentence, 密码是hunter2， tells one
_NAMED_IN_CHINESE: Final = (
    r"((?:密码|口令|密钥)(?:\s{0,4}[:=：＝]\s{0,4}"
    r"|(?:是|为)[:：]?\s{0,4}(?=[!-~]{0,256}?[0-9])(?![!-~]{6,4096}+[\u4e00-\u9fff])))"
    r"(?!<secret>)[!-~]{6,4096}"
)
_NAMED_BY_FULL_WIDTH: Final = rf"({_NAME}[：＝]\s{{0,4}})(?=[!-~]{{0,256}}?[0-9])(?!<secret>)[!-~]{{6,4096}}"

_NAME_MARKS: Final = (
    "pass", "pwd", "secret", "token", "key", "authorization", "credential", "cookie", "sess", "connect.sid",
)  # fmt: skip
_NAME_ENDS: Final = (
    "pass", "word", "wd", "phrase", "token", "key", "secret", "authorization", "credential", "credentials", "cookie",
    "id",
)  # fmt: skip
_FULL_WIDTH_MARKS: Final = tuple(end + sign for end in _NAME_ENDS for sign in "：＝")  # the signs alone are everywhere
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
            "ltai",
            "akid",
            "glrt-",
            "gldt-",
            "glptt-",
            "whsec_",
            "pypi-",
            "dckr_pat_",
            "shp",
            "hvs.",
            "hvb.",
            "_v1_",
            "ya29.",
            "gocspx-",
            "xapp-",
        ),
        _KNOWN_FORM,
        MASK,
    ),
    ((":aa",), _TELEGRAM, MASK),
    (("hooks.slack", "discord", "open.feishu", "qyapi."), _WEBHOOK, rf"\1{MASK}"),
    (("sig=", "signature="), _SIGNED, rf"\1{MASK}"),
    (("bearer", "basic"), _BEARER, rf"\1{MASK}"),
    (("authorization",), _AUTHORIZED, rf"\1{MASK}"),
    (_NAME_MARKS, _NAMED, rf"\1{MASK}"),
    (("pass",), _PASSED, rf"\1{MASK}"),
    (_NAME_MARKS, _OPTION, rf"\1{MASK}"),
    (("curl",), _CURL, rf"\1{MASK}"),
    (("mysql", "sshpass", "redis-cli"), _CLIENT, rf"\1{MASK}"),
    (("密码", "口令", "密钥"), _NAMED_IN_CHINESE, rf"\1{MASK}"),
    (_FULL_WIDTH_MARKS, _NAMED_BY_FULL_WIDTH, rf"\1{MASK}"),
)

_PATTERNS: Final = tuple((re.compile(pattern), becomes) for _marks, pattern, becomes in _RULES)
_MARKS: Final = tuple((mark, rule) for rule, (marks, _p, _b) in enumerate(_RULES) for mark in marks)
_MARK_TEXTS: Final = sorted({mark for mark, _rule in _MARKS})
_RULES_OF_MARK: Final = tuple(tuple(rule for mark, rule in _MARKS if mark == text) for text in _MARK_TEXTS)
_find_marks: Final[Callable[..., list[tuple[int, int, int]]]] = AhoCorasick(
    _MARK_TEXTS, implementation=Implementation.DFA
).find_matches_as_indexes

_TEXTS: Final[frozenset[type]] = frozenset((str,))
_ALL: Final[frozenset[type]] = frozenset((str, int, float))  # nor is it a secret whether there is one


def redact(text: str) -> str:
    """`text` with its secrets masked."""
    for _ in range(PASSES):
        masked = _pass(text)
        if masked == text:
            break
        text = masked
    return text


def redact_id(given: str) -> str:
    """An id as it is, or a hash of it where it holds a secret: what is masked alike would be one id."""
    return given if redact(given) == given else sha256(given.encode("utf-8", "surrogatepass")).hexdigest()


def redact_fields(value: Any, *, key: str = "", hidden: frozenset[type] = frozenset()) -> Any:
    """A decoded JSON value with its secrets masked: in texts and names, and whatever is named as one."""
    hidden |= _hidden_under(key)
    if isinstance(value, dict):
        named = [(redact(name), name, inner) for name, inner in value.items()]
        return {
            # names that have become alike are told apart by where they stood, so that none is lost
            name if masked == name else f"{masked} {nth}": redact_fields(inner, key=name, hidden=hidden)
            for nth, (masked, name, inner) in enumerate(named, start=1)
        }
    if isinstance(value, list):
        return [redact_fields(inner, key=key, hidden=hidden) for inner in value]
    if type(value) in hidden:
        return MASK
    if isinstance(value, str):
        return redact(value)
    return mask_integer(value, key=key) if type(value) is int else value


def _hidden_under(key: str) -> frozenset[type]:
    """Of what types values are secret that stand under this name."""
    told = _SECRET_KEY.fullmatch(key) if key else None
    return frozenset() if told is None else _ALL if told[1] else _TEXTS


def _pass(text: str) -> str:
    found = _find_marks(text.lower(), overlapping=True)
    if found:
        marks = {mark for mark, _start, _end in found}
        for rule in sorted({rule for mark in marks for rule in _RULES_OF_MARK[mark]}):
            pattern, becomes = _PATTERNS[rule]
            text = pattern.sub(becomes, text)
    return mask_numbers(text)
