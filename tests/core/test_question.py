import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fake import FakeClassifier
from models.labels import SENTIMENT
from models.reading import Reading
from streams.core.event import Rejected
from streams.core.question import Question, answer, question_of
from streams.core.template import template_of
from streams.topology import KINDS


def asked(line: bytes, kind="news"):
    question = question_of(line, kind=kind)
    assert isinstance(question, Question), question
    return question


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        (b"Shares rise", "news", "Shares rise"),
        ("股价上涨".encode(), "news", "股价上涨"),
        (b'{"text": "t", "title": "not this"}', "news", "t"),
        (b'{"title": "a", "body": "b"}', "news", "a\nb"),
        (b'{"title": "a", "body": ""}', "news", "a"),
        (b'{"message": "disk full"}', "logs", "disk full"),
        (b'{"text": "hi", "user_id": "u1"}', "user", "hi"),
        (b'{"specversion": "1.0", "type": "x", "data": {"title": "a"}}', "news", "a"),
        (b"[2026-01-01] starting", "logs", "[2026-01-01] starting"),
        (b'"quoted" is plain', "news", '"quoted" is plain'),
    ],
)
def test_where_the_text_is(line, kind, text):
    assert asked(line, kind).text == text


def test_a_log_line_is_read_by_its_template():
    question = asked(b"took 17 ms for user 4711", "logs")
    assert question.to_read == template_of("took 17 ms for user 4711") != question.text


def test_what_is_read_is_redacted_and_what_is_answered_is_not():
    question = asked(b"write to jane.doe@example.com")
    assert "jane.doe" in question.text
    assert "jane.doe" not in question.to_read


@pytest.mark.parametrize(
    ("line", "kind", "code"),
    [
        (b"", "news", "empty_text"),
        (b" \t ", "news", "empty_text"),
        (b'{"text": " "}', "news", "empty_text"),
        (b'{"text": ', "news", "not_json"),
        (b'{"text": "half a pair \\ud800"}', "news", "not_json"),
        (b'{"text": 5}', "news", "wrong_type"),
        (b'{"message": "m"}', "news", "missing_field"),
        (b'{"title": "m"}', "logs", "missing_field"),
        (b'{"action": "buy"}', "user", "missing_field"),
        (b"\xff\xfe", "news", "bad_unicode"),
        (b'{"text": "x", "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "news", "too_deep"),
    ],
)
def test_what_cannot_be_read(line, kind, code):
    question = question_of(line, kind=kind)
    assert isinstance(question, Rejected), question
    assert question.code == code


@given(line=st.binary() | st.binary().map(lambda tail: b'{"text": ' + tail), kind=st.sampled_from(KINDS))
def test_no_line_raises(line, kind):
    assert isinstance(question_of(line, kind=kind), Question | Rejected)


@given(text=st.text(min_size=1).filter(str.strip))
def test_a_text_in_json_comes_back_as_it_was(text):
    assert asked(msgspec.json.encode({"text": text})).text == text


def test_an_answer_names_the_likeliest_label_of_every_head_that_answers():
    classifier = FakeClassifier()
    question = asked(b'{"text": "Shares rise", "id": "n1"}')
    labels = classifier.manifest.labels
    answered = answer(question, classifier.classify([question.to_read])[0], labels=labels, model="fake")
    assert list(answered)[:8] == [
        "text", "sentiment", "sentiment_score", "probabilities", "category", "intent", "severity", "model",
    ]  # fmt: skip
    for head in ("sentiment", "category", "severity", "intent"):
        of = answered["probabilities"][head]
        assert tuple(of) == labels[head]
        assert of[answered[head]] == max(of.values())
    sentiment = answered["probabilities"]["sentiment"]
    assert answered["sentiment_score"] == pytest.approx(sentiment["positive"] - sentiment["negative"], abs=1e-6)
    assert answered["id"] == "n1"


def test_a_head_of_a_users_own_is_named_after_the_others():
    question = asked(b"Where is my parcel?")
    reading = Reading({"sentiment": (0.2, 0.5, 0.3), "desk": (0.1, 0.9)}, 8)
    labels = {"sentiment": SENTIMENT, "desk": ("refund", "delivery")}
    answered = answer(question, reading, labels=labels, model="mine")
    assert list(answered)[-2:] == ["model", "desk"]
    assert (answered["desk"], answered["intent"], answered["sentiment"]) == ("delivery", "", "neutral")
