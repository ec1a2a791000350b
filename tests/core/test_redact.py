"""Secrets are masked, everything else is left alone."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.redact import redact, redact_fields, redact_id

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\n-----END RSA PRIVATE KEY-----"
LOCKED_PEM = r"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMII==\n-----END RSA PRIVATE KEY-----"
PGP = "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\nlQO=\n=aB1c\n-----END PGP PRIVATE KEY BLOCK-----"
LETTERS = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail joe.doe+x@example.co.uk now", "mail <email> now"),
        ("邮箱joe@example.com。", "邮箱<email>。"),
        ("paid with 4111 1111 1111 1111.", "paid with <card>."),
        ("4111111111111111, 5500-0000-0000-0004", "<card>, <card>"),
        ("amex 378282246310005 or 3782 822463 10005", "amex <card> or <card>"),
        ("GB82 WEST 1234 5698 7654 32", "<iban>"),
        ("to DE89370400440532013000", "to <iban>"),
        ("password=hunter2 next", "password=<secret> next"),
        ("db_password = 'a b' next", "db_password = <secret> next"),
        ('{"api_key": "abc", "n": 1}', '{"api_key": <secret>, "n": 1}'),
        ("password: hunter22", "password: <secret>"),
        ("Authorization: Bearer abc.DEF-123456", "Authorization: Bearer <secret>"),
        ("authorization=Basic dXNlcjpwdw==", "authorization=Basic <secret>"),
        ("https://joe:pw@host/x?token=abc&page=1", "https://<secret>@host/x?token=<secret>&page=1"),
        ("key AKIAIOSFODNN7EXAMPLE", "key <secret>"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "<secret>"),
        (f"jwt {JWT}!", "jwt <secret>!"),
        ('{"accessToken": "abc", "n": 1}', '{"accessToken": <secret>, "n": 1}'),
        ("dbPassword=abc PGPASSWORD=abc DB_PASS=abc", "dbPassword=<secret> PGPASSWORD=<secret> DB_PASS=<secret>"),
        (r"body {\"password\": \"a b\", \"n\": 1}", r"body {\"password\": <secret>, \"n\": 1}"),
        ("AccountName=x;AccountKey=ab+/cd==;Suffix=y", "AccountName=x;AccountKey=<secret>;Suffix=y"),
        ("sb://x/;SharedAccessKey=ab12=", "sb://x/;SharedAccessKey=<secret>"),
        ("redis://:pw@cache:6379/0", "redis://<secret>@cache:6379/0"),
        ("postgres://joe:p@ss@db/x", "postgres://<secret>@db/x"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic <secret>"),
        ("Authorization: Token abcdef12", "Authorization: Token <secret>"),
        ("hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "<secret>"),
        ("npm_abcdefghijklmnopqrstuvwxyz0123456789", "<secret>"),
        ("SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz", "<secret>"),
        ("用户张三，密码：hunter22，登录", "用户张三，密码：<secret>，登录"),
        (f"{PEM} end", "<secret> end"),
        (f"key: {json.dumps(PEM)} end", 'key: "<secret>" end'),
        (f"{json.dumps(json.dumps(PEM))} end", r'"\"<secret>\"" end'),
        (f"{LOCKED_PEM} end", "<secret> end"),
        (f"{PGP} end", "<secret> end"),
        ("run --password hunter2 now", "run --password <secret> now"),
        ("run --api-token abc123def456", "run --api-token <secret>"),
        ("run -dbPassword 'a b' now", "run -dbPassword <secret> now"),
        ("curl -u admin:hunter2 https://x.example", "curl -u admin:<secret> https://x.example"),
        ("curl https://x.example -sSu 'a:b c'", "curl https://x.example -sSu 'a:<secret> c'"),
        ("mysql -u root -phunter2 shop", "mysql -u root -p<secret> shop"),
        ("sshpass -p hunter2 ssh x; redis-cli -a hunter2", "sshpass -p <secret> ssh x; redis-cli -a <secret>"),
        ("user=joe pass=hunter2 now", "user=joe pass=<secret> now"),
        ("PHPSESSID=abc; JSESSIONID=AB12", "PHPSESSID=<secret>; JSESSIONID=<secret>"),
        ("password：hunter22，登录", "password：<secret>，登录"),
        ("密码是hunter2，登录", "密码是<secret>，登录"),
        ("to https://hooks.slack.com/services/T0/B0/abcdef ok", "to https://hooks.slack.com/services/<secret> ok"),
        (f"https://x.example/c?sv=2&sig={'aB%2F' * 9}%3D&se=1", "https://x.example/c?sv=2&sig=<secret>&se=1"),
        ("https://api.telegram.org/bot123456789:AA" + "x_-" * 11 + "/x", "https://api.telegram.org/bot<secret>/x"),
        ("postgresql://app:pa/ss@db/x", "postgresql://<secret>@db/x"),
        ("身份证11010519491231002X，110105 19491231002x", "身份证<id>，110105 19491231002x"),
        ("手机13812345678，+86 138-1234-5678", "手机<phone>，<phone>"),
        ("sms to 13812345678 failed", "sms to <phone> failed"),
        ("6222021234567890128, 6222 0212 3456 7890 128, 622202 1234567890128", "<card>, <card>, <card>"),
    ],
)
def test_masks(text, masked):
    assert redact(text) == masked
    assert redact(masked) == masked


@pytest.mark.parametrize(
    "token",
    [
        f"whsec_{LETTERS}",
        f"pypi-{LETTERS}{LETTERS}",
        f"dckr_pat_{LETTERS}",
        f"shpat_{'0a' * 16}",
        f"hvs.{LETTERS}",
        f"dop_v1_{'0a' * 32}",
        f"glrt-{LETTERS}",
        f"ya29.{LETTERS}",
        f"GOCSPX-{LETTERS}",
        f"LTAI5t{LETTERS[:18]}",
        f"AKID{LETTERS}12",
    ],
)
def test_masks_tokens_by_their_beginnings(token):
    assert redact(f"got {token}, {token[:8]}") == f"got <secret>, {token[:8]}"


@pytest.mark.parametrize(
    "text",
    [
        "The secret: hard work, says Apple's password chief",
        "a token: hello",
        "tokens=512 max",
        "if token == null",
        "pwd=/home/joe",
        "blk_4111111111111111",
        "order 4111111111111112",  # the Luhn digit is wrong
        "at 1700000000000000 us",
        "DE89370400440532013001",  # the checksum is wrong
        "bearer certificates were sold",
        "sk-learn-is-a-python-library-for-you",
        "@joe says hi, 5 @ 3",
        "java.lang.Object@1a2b3c",
        "Executing with tokens:",
        "pass=12 fail=0, bypass=on",
        "Authorization: Bearer authentication failed",
        "Basic JavaScript, basic authentication",
        "密码：至少8位，包括数字和字母",
        "at http://host:80/joe@example and http://a:80, ask @joe",
        "monkey=1 turkey: 12345678",
        "pass=true pass=1200ms pass=all",
        "the --password flag is required, --token or --secret; --max-token 512",
        "docker run -u 1000:1000 x, mysql -u root -p shop",
        "密码是base64编码的，密钥是OpenSSL生成的",
        "token：今天有3个",
        "design=1 sig=abc assign=12",
        "at http://[::1]:8080/joe@x and http://a:80/?mail=joe@x",
        "at 1764000000000 and 1764000000",
        "size=13812345678, 13812345678 bytes, $13812345678, 成交13812345678元",
        "17179869184 of it",  # 16 GiB
        "blk_13812345678 -13812345678 1.13812345678 f13812345678 138123456789",
        "9f86d081-8138-4123-9138-138123456780",
        "110105194912310021",  # the check digit is wrong
        "6222021234567890129",
        "",
    ],
)
def test_leaves_alone(text):
    assert redact(text) == text


FRAGMENTS = [
    "a@b.co",
    "@",
    "password",
    "=",
    ":",
    " ",
    '"',
    "'",
    "token",
    "Bearer ",
    "abc12345",
    "4111111111111111",
    "<secret>",
    "<",
    ">",
    "://",
    "u:p@",
    "sk-",
    "eyJhbGciOiJI",
    ".",
    "-----BEGIN PRIVATE KEY-----",
    "DE89370400440532013000",
    "/",
    "basic ",
    "authorization:",
    "accessToken",
    "\\",
    "密码：",
    "_pass",
    "pass=",
    "：",
    " --",
    "curl -u ",
    "mysql -p",
    "密码是",
    "13812345678",
    "11010519491231002X",
    "sig=",
    "\\n",
]


@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=12).map("".join))
def test_redacting_twice_is_redacting_once(text):
    once = redact(text)
    assert redact(once) == once


def test_fields_are_masked_by_their_names_and_their_texts():
    fields = {
        "password": "x",
        "accessToken": "x",
        "tokenCount": 7,
        "nested": {"db.password": ["y", 5], "token": 7, "tokens": 7, "none": None, "yes": True},
        "list": ["a@b.com", 1.5],
        "card": 4111111111111111,
        "huge": 10**400,
    }
    assert redact_fields(fields) == {
        "password": "<secret>",
        "accessToken": "<secret>",
        "tokenCount": 7,
        "nested": {
            "db.password": ["<secret>", "<secret>"],
            "token": "<secret>",
            "tokens": 7,
            "none": None,
            "yes": True,
        },
        "list": ["<email>", 1.5],
        "card": "<card>",
        "huge": 10**400,
    }


@pytest.mark.parametrize(
    ("given_", "masked"),
    [
        ({"tokens": ["a", 5], "apiKeys": "x"}, {"tokens": ["<secret>", 5], "apiKeys": "<secret>"}),
        ({"auth": {"pass": "x", "user": "joe"}}, {"auth": {"pass": "<secret>", "user": "joe"}}),
        ({"pass": 12, "userPass": "x", "bypass": "x"}, {"pass": 12, "userPass": "<secret>", "bypass": "x"}),
        ({"credentials": {"value": {"x": 5, "y": None}}}, {"credentials": {"value": {"x": "<secret>", "y": None}}}),
        ({"密码": "x", "sessionid": "x"}, {"密码": "<secret>", "sessionid": "<secret>"}),
        ({"n": 1, "a@b.co": 1, "c@d.co": 2}, {"n": 1, "<email> 2": 1, "<email> 3": 2}),
        ({"password=hunter2": True}, {"password=<secret> 1": True}),
        ({"phone": 13812345678, "bytes": 13812345678}, {"phone": "<phone>", "bytes": 13812345678}),
        ([6222021234567890128, 110105194912310029], ["<card>", 110105194912310029]),
    ],
)
def test_fields_of_more_names(given_, masked):
    assert redact_fields(given_) == masked


def test_an_id_that_holds_a_secret_is_a_hash():
    assert [redact_id(sound) for sound in ("", "n-1", "https://x.example/7")] == ["", "n-1", "https://x.example/7"]
    hashes = {redact_id(mail) for mail in ("a@b.co", "c@b.co")}
    assert {len(found) for found in hashes} == {64}
    assert len(hashes) == 2


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a@",
        "a.",
        "password=",
        "4111 ",
        "AB12",
        "AB12 ",
        "eyJ",
        "bearer ",
        "://a:",
        "sk-",
        "token: x",
        "aToken",
        "authorization: a ",
        "SG.a",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\\n-",
        "://a:/",
        "://a:b/c",
        " --token",
        " --a-token ",
        "--token-",
        "curl ",
        "curl -u ",
        "curl -u a",
        "mysql -",
        "mysql -x -p",
        "redis-cli ",
        "pass=a",
        "pass=",
        "token：a",
        "密码是a",
        "密码：",
        "sig=a",
        "PHPSESSID",
        "1:AA",
        "13812345678",
        "138 1234 ",
        "6222 0212 ",
        "110105194912310021 ",
        "hooks.slack.com/services/",
    ],
)
def test_is_linear(piece):
    text = piece * (400_000 // len(piece)) + "@1"
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 2
