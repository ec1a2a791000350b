"""The read API over a real store with a made-up day of 1987 in it."""

import pytest

from infra.clickhouse.migrate import migrate
from streams.settings import load_settings
from tests.serve.conftest import END_MS, a_store, asking

MINUTE_MS = 60_000


async def get(page, path, **parameters):
    answer = await page.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_overview_counts_every_event_of_every_kind(page, counts):
    kinds = (await get(page, "/api/overview", range="all"))["kinds"]
    assert {kind: kinds[kind]["events"] for kind in kinds} == counts
    assert all(sum(kinds[kind]["points"]["events"]) == counts[kind] for kind in kinds)
    assert kinds["logs"]["sentiment"] is None
    assert -1 <= kinds["news"]["sentiment"] <= 1


async def test_a_replay_of_1987_shows_at_its_own_end(page):
    news = (await get(page, "/api/overview", range="1h"))["kinds"]["news"]
    assert not news["live"]
    assert news["to"] == END_MS
    assert news["events"] > 0


async def test_fresh_data_ends_now(settled):
    async with asking(settled, clock_ms=lambda: END_MS + 5 * MINUTE_MS) as page:
        news = (await get(page, "/api/overview", range="1h"))["kinds"]["news"]
    assert news["live"]
    assert news["to"] == END_MS + 5 * MINUTE_MS


async def test_wide_and_narrow_windows_tell_the_same(page, counts):
    whole = {"kind": "news", "from": END_MS - 48 * 60 * MINUTE_MS, "to": END_MS}
    narrow, wide = [await get(page, "/api/trend", seconds=seconds, **whole) for seconds in (300, 7_200)]
    assert sum(narrow["points"]["events"]) == sum(wide["points"]["events"]) == counts["news"]

    def weighed(trend):
        p = trend["points"]
        return sum(
            (s or 0) * (a + b + c)
            for s, a, b, c in zip(p["sentiment"], p["negative"], p["neutral"], p["positive"], strict=True)
        )

    assert weighed(narrow) == pytest.approx(weighed(wide))


async def test_top_ranks_keys_and_their_course_adds_up(page):
    top = await get(page, "/api/top", kind="news", dimension="entity", range="24h", limit=5)
    events = [row["events"] for row in top["rows"]]
    assert events == sorted(events, reverse=True)
    assert len(events) == 5
    assert top["rows"][0]["key"] == "Volkswagen"
    assert all(sum(row["spark"]) == row["events"] and len(row["spark"]) == top["buckets"] for row in top["rows"])


@pytest.mark.parametrize(
    ("kind", "dimension"),
    [
        ("news", "source"),
        ("news", "category"),
        ("news", "entity"),
        ("news", "lang"),
        ("logs", "service"),
        ("logs", "template"),
        ("user", "action"),
        ("user", "head"),
    ],
)
async def test_behind_each_point_are_exactly_its_events(page, kind, dimension):
    key = (await get(page, "/api/top", kind=kind, dimension=dimension, range="1h"))["rows"][0]["key"]
    trend = await get(page, "/api/trend", kind=kind, dimension=dimension, key=key, range="1h")
    step_ms = trend["seconds"] * 1_000
    for start_ms, events in list(zip(trend["points"]["start_ms"], trend["points"]["events"], strict=True))[:8]:
        behind = await get(
            page,
            "/api/events",
            kind=kind,
            dimension=dimension,
            key=key,
            to=start_ms + step_ms,
            limit=500,
            **{"from": start_ms},
        )
        assert len(behind["events"]) == events
        assert all(start_ms <= event["time_ms"] < start_ms + step_ms for event in behind["events"])


async def test_the_most_telling_events_come_first_when_asked(page):
    events = (await get(page, "/api/events", kind="logs", sort="loudest", limit=20))["events"]
    assert events[0]["severity"] == "critical"
    newest = (await get(page, "/api/events", kind="logs", limit=20))["events"]
    assert [e["time_ms"] for e in newest] == sorted((e["time_ms"] for e in newest), reverse=True)


async def test_alerts_are_one_an_incident_firing_first_with_evidence(page):
    alerts = (await get(page, "/api/alerts"))["alerts"]
    assert [alert["status"] for alert in alerts] == ["firing", "firing", "resolved", "resolved"]
    assert len({alert["fingerprint"] for alert in alerts}) == 4
    by_name = {alert["fingerprint"]: alert for alert in alerts}
    assert by_name["a1"]["evidence"][0]["text"] == "payment 512 declined by gateway: timeout"
    assert by_name["a4"]["evidence"] == []  # what is stored there is no JSON
    assert len((await get(page, "/api/alerts", status="firing"))["alerts"]) == 2
    counts = (await get(page, "/api/overview"))["alerts"]
    assert counts == {"firing": 2, "critical": 1, "resolved": 2}


async def test_what_did_not_change_is_not_sent_again(page):
    first = await page.get("/api/overview")
    again = await page.get("/api/overview", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert not again.content


async def test_a_hostile_key_is_a_value_and_nothing_else(page):
    trend = await get(page, "/api/trend", kind="news", dimension="source", key="x' OR 1=1 --\\'\n\t{kind:String}")
    assert trend["points"]["events"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/trend?kind=x",
        "/api/top?kind=news",
        "/api/trend?kind=news&seconds=7",
        "/api/events?kind=news&limit=0",
        "/api/alerts?who=me",
    ],
)
async def test_a_bad_question_is_400_with_one_line(page, path):
    answer = await page.get(path)
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_request"
    assert "\n" not in answer.json()["detail"]


async def test_another_method_is_405_and_told_which_one_is_taken(page):
    answer = await page.post("/api/top")
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]
    assert "not POST" in answer.json()["detail"]


async def test_metrics_and_health(page):
    assert (await page.get("/healthz")).json() == {"alive": True}
    assert (await page.get("/readyz")).json() == {"ready": True}
    await page.get("/nowhere")
    metrics = (await page.get("/metrics")).text
    assert 'pulsewire_page_requests_total{path="/readyz",status="200"} 1.0' in metrics
    assert 'path="other",status="404"' in metrics
    assert "pulsewire_page_store_up 1.0" in metrics


async def test_a_store_that_is_away_is_said_and_forgiven():
    async with asking(load_settings(clickhouse="http://127.0.0.1:9")) as page:
        assert "pulsewire_page_store_up NaN" in (await page.get("/metrics")).text  # nobody has asked it yet
        answer = await page.get("/api/overview")
        assert answer.status_code == 503
        assert "pulsewire_page_store_up 0.0" in (await page.get("/metrics")).text
        assert answer.json()["error"] == "store_away"
        assert "127.0.0.1:9" in answer.json()["detail"]
        assert (await page.get("/readyz")).status_code == 503
        assert (await page.get("/healthz")).status_code == 200
        assert (await page.get("/")).status_code == 200


async def test_a_store_without_tables_says_what_to_do_and_empty_tables_are_no_trouble(tmp_path):
    with a_store(tmp_path / "store") as address:
        settings = load_settings(clickhouse=address)
        async with asking(settings) as page:
            answer = await page.get("/api/overview")
            assert answer.status_code == 503
            assert "pulsewire init" in answer.json()["detail"]
            await migrate(settings)
            overview = await get(page, "/api/overview")
            assert overview["kinds"] == {"news": None, "logs": None, "user": None}
            assert overview["alerts"] == {"firing": 0, "critical": 0, "resolved": 0}
            assert (await get(page, "/api/trend", kind="news"))["points"]["start_ms"] == []
            assert (await get(page, "/api/top", kind="news", dimension="source"))["rows"] == []
            assert (await get(page, "/api/events", kind="news"))["events"] == []
