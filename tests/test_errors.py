from streams.errors import plainly


def test_an_address_is_said_without_the_librarys_own_words():
    kafka = ConnectionError(
        "KafkaConnectionError: Unable to bootstrap from [('127.0.0.1', 9, <AddressFamily.AF_INET: 2>)]"
    )
    assert plainly(kafka) == "Unable to bootstrap from [('127.0.0.1', 9)]"
    http = OSError(
        "Network Error: Cannot connect to host 127.0.0.1:9 ssl:default [Connect call failed ('127.0.0.1', 9)]"
    )
    assert plainly(http) == "Network Error: Cannot connect to host 127.0.0.1:9"


def test_one_line_and_never_none():
    assert plainly(ValueError("one\ntwo")) == "one"
    assert plainly(TimeoutError()) == "TimeoutError"
