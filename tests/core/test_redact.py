"""Secrets are masked, everything else is left alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.redact import redact, redact_fields

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\n-----END RSA PRIVATE KEY-----"
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
    ],
)
def test_masks(text, masked):
    assert redact(text) == masked
    assert redact(masked) == masked


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
    ],
)
def test_is_linear(piece):
    text = piece * (400_000 // len(piece)) + "@1"
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 2
