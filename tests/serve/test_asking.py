import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serve import asking


@pytest.mark.parametrize(
    ("kind", "given_", "said"),
    [
        (asking.Overview, {"range": "2h"}, "range: Invalid enum value '2h'"),
        (asking.Overview, {"rnage": "1h"}, "Object contains unknown field `rnage`"),
        (asking.Top, {"dimension": "source"}, "Object missing required field `kind`"),
        (
            asking.Top,
            {"kind": "news", "dimension": "action"},
            "dimension is 'action': news has all, source, category, entity, lang",
        ),
        (asking.Top, {"kind": "news", "dimension": "source", "limit": "1000"}, "limit: Expected `int` <= 100"),
        (asking.Trend, {"kind": "logs", "from": "1"}, "from and to go together"),
        (asking.Trend, {"kind": "logs", "from": "9", "to": "8"}, "from must lie before to"),
        (asking.Trend, {"kind": "logs", "from": "soon", "to": "8"}, "from is 'soon': expected RFC 3339"),
        (asking.Trend, {"kind": "logs", "from": "0", "to": "1000000000000", "seconds": "60"}, "more than 2000 points"),
        (asking.Trend, {"kind": "logs", "key": "x" * 1_001}, "key: Expected `str` of length <= 1000"),
        (asking.Events, {"kind": "logs", "sort": "text; DROP TABLE events"}, "sort: Invalid enum value"),
    ],
)
def test_what_makes_no_sense_is_refused_with_one_line(kind, given_, said):
    refused = asking.asked(kind, given_)
    assert isinstance(refused, asking.Refused)
    assert said in refused.detail
    assert "\n" not in refused.detail


@pytest.mark.parametrize(
    "text", ["1987-10-19T20:00:00Z", "1987-10-19T22:00:00+02:00", "561672000000", "1987-10-19 20:00"]
)
def test_a_moment_is_rfc_3339_or_milliseconds(text):
    assert asking.moment_ms("from", text) == 561_672_000_000


@given(
    st.dictionaries(
        st.sampled_from(["kind", "dimension", "key", "from", "to", "seconds", "range", "limit", "sort"]), st.text()
    )
)
def test_no_question_raises(parameters):
    for kind in (asking.Overview, asking.Top, asking.Trend, asking.Events, asking.Alerts):
        assert isinstance(asking.asked(kind, parameters), kind | asking.Refused)


@given(st.text() | st.datetimes().map(str) | st.integers().map(str))
def test_a_moment_is_read_or_refused(text):
    asked = asking.asked(asking.Events, {"kind": "news", "from": "0", "to": text})
    if isinstance(asked, asking.Events):
        assert 0 < asked.bounds_ms[1] < 253_402_300_800_000
    else:
        assert asked.detail.startswith(("to is ", "from must lie before to"))
