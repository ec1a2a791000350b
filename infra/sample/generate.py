"""The hour of the sample.

1. The same events every time: one seed, and nothing else decides.
2. Outside of its incident a series is steady: about the same count and the same mix in every minute.
3. The incidents begin on the minute, last five, and are over a quarter of an hour before the end.
"""

from collections.abc import Mapping
from random import Random
from typing import Any, Final, Protocol

import msgspec

from infra.sample.phrases import Deck, Headline, LogLine, below, headlines, lines, log_lines, spread_out
from streams.topology import KINDS, Kind

SEED: Final = 20_261_124
MINUTES: Final = 60
STRUCK_COMPANY: Final = "Strandell Motors"
STRUCK_SERVICE: Final = "payments"
STRUCK_ACTION: Final = "purchase"
NEWS_INCIDENT: Final = range(16, 21)  # a burst of bad news about one company: volume surge, sentiment drop
LOGS_INCIDENT: Final = range(27, 32)  # payments fail: error surge
USER_INCIDENT: Final = range(38, 43)  # nobody can buy: drop of an action

BURST: Final = 18  # headlines a minute in the first incident
FAILURES: Final = 20  # error lines a minute in the second
PEACE: Final = ("+", "+", "-", "-", "=", "=")  # tones of the other companies' headlines, each minute
QUARTERS: Final = {
    "en": ("first-quarter", "second-quarter", "third-quarter", "fourth-quarter"),
    "zh": ("第一季度", "第二季度", "第三季度", "第四季度"),
}
WIRES: Final = {"en": ("Meridian Wire", "Harbour Gazette", "Eastline Daily"), "zh": ("晨岸财经", "江畔快报")}
SERVICES: Final = {"gateway": 14, "checkout": 9, "payments": 10, "inventory": 9, "search": 8, "auth": 8}
ACTIONS: Final = {"view": 22, "search": 8, "add_to_cart": 18, "checkout": 17, "purchase": 17, "support": 2}
ERROR_EVERY_MINUTES: Final = 7
USERS: Final = 180
ITEMS: Final = 60


Made = list[tuple[int, dict[str, Any]]]  # (moment in ms, fields)


class SampleEvent(msgspec.Struct, frozen=True):
    """An event of the hour: when it happens after the hour's start, its Kafka key and its fields but `ts`."""

    kind: Kind
    at_ms: int
    key: str
    row: dict[str, Any]


class Maker(Protocol):
    """Makes one stream of the hour, minute by minute."""

    def minute(self, minute: int) -> Made:
        """The events of a minute, each with its moment."""


def sample_events() -> dict[Kind, list[SampleEvent]]:
    """Each stream of the hour, in order of time."""
    makers: dict[Kind, type[_News | _Logs | _Users]] = {"news": _News, "logs": _Logs, "user": _Users}
    hour: dict[Kind, list[SampleEvent]] = {}
    for kind in KINDS:
        maker: Maker = makers[kind](Random(f"{SEED} {kind}"))  # noqa: S311 - a sample is no secret
        made = [pair for minute in range(MINUTES) for pair in sorted(maker.minute(minute), key=lambda pair: pair[0])]
        hour[kind] = [_event(kind, number, at_ms, row) for number, (at_ms, row) in enumerate(made)]
    return hour


def _event(kind: Kind, number: int, at_ms: int, row: dict[str, Any]) -> SampleEvent:
    """A user's events share a key, and so do a host's; news spread."""
    event_id = f"{kind}-{number:05d}"
    return SampleEvent(kind, at_ms, row.get("user_id") or row.get("host") or event_id, {"id": event_id, **row})


class _News:
    def __init__(self, rng: Random) -> None:
        self._rng = rng
        companies, market = headlines("companies"), headlines("market")
        ours = [line for line in companies if line.about == "strandell"]
        others = [line for line in companies if line.about != "strandell"]
        self._ours = {tone: Deck([line for line in ours if line.tone == tone], rng) for tone in "+="}
        self._others = {tone: Deck([line for line in others if line.tone == tone], rng) for tone in "+-="}
        self._market = {tone: Deck([line for line in market if line.tone == tone], rng) for tone in "+-="}
        self._struck = Deck(headlines("struck"), rng)
        self._wires = {lang: Deck(names, rng) for lang, names in WIRES.items()}

    def minute(self, minute: int) -> Made:
        rng = self._rng
        cards = [self._ours["+"].draw(), self._ours["="].draw(), *(self._others[tone].draw() for tone in PEACE)]
        cards += [self._market[tone].draw() for tone in ("+", "-", "=", "+-"[minute % 2])]
        made = self._placed(Deck(cards, rng), len(cards), minute)
        if minute in NEWS_INCIDENT:
            made += self._placed(self._struck, BURST, minute)
        return made

    def _placed(self, deck: Deck[Headline], count: int, minute: int) -> Made:
        return [(at_ms, self._row(deck.draw())) for at_ms in spread_out(self._rng, count, minute=minute)]

    def _row(self, line: Headline) -> dict[str, Any]:
        rng = self._rng
        title = line.text.format(
            pct=3 + below(rng, 17), n=2 + below(rng, 8), m=11 + below(rng, 17), q=QUARTERS[line.lang][below(rng, 4)]
        )
        return {"source": self._wires[line.lang].draw(), "title": title, "lang": line.lang}


class _Logs:
    def __init__(self, rng: Random) -> None:
        self._rng = rng
        usual = log_lines("logs.txt")
        self._usual = {name: _weighted([line for line in usual if line.service == name], rng) for name in SERVICES}
        self._errors = {line.service: line for line in usual if not line.weight}
        self._struck = _weighted(log_lines("logs_struck.txt"), rng)

    def minute(self, minute: int) -> Made:
        rng, made = self._rng, []
        for number, (service, count) in enumerate(SERVICES.items()):
            struck = service == STRUCK_SERVICE and minute in LOGS_INCIDENT
            usual = count // 2 if struck else count
            made += [(at_ms, self._row(self._usual[service].draw())) for at_ms in spread_out(rng, usual, minute=minute)]
            if struck:
                failing = spread_out(rng, FAILURES, minute=minute)
                made += [(at_ms, self._row(self._struck.draw())) for at_ms in failing]
            elif minute % ERROR_EVERY_MINUTES == number:
                made += [(at_ms, self._row(self._errors[service])) for at_ms in spread_out(rng, 1, minute=minute)]
        return made

    def _row(self, line: LogLine) -> dict[str, Any]:
        rng = self._rng
        values: Mapping[str, object] = {
            "ms": 4 + below(rng, 180) if line.level in ("info", "debug") else 900 + below(rng, 2_000),
            "n": 1 + below(rng, 9),
            "id": f"{below(rng, 16**8):08x}",
            "sku": f"SKU-{1 + below(rng, ITEMS):04d}",
            "order": 480_000 + below(rng, 90_000),
            "user": f"u-{1 + below(rng, USERS):04d}",
            "ip": f"203.0.113.{1 + below(rng, 254)}",
            "amount": f"{5 + below(rng, 195)}.{below(rng, 100):02d}",
        }
        host = f"{line.service}-{1 + below(rng, 3)}"
        return {"service": line.service, "message": line.text.format(**values), "host": host, "level": line.level}


class _Users:
    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._texts = {
            "support": Deck(list(lines("support.txt")), rng),
            "search": Deck(list(lines("searches.txt")), rng),
        }

    def minute(self, minute: int) -> Made:
        made: Made = []
        for action, usual in ACTIONS.items():
            count = usual if usual < 5 else usual - 1 + below(self._rng, 3)
            if action == STRUCK_ACTION and minute in USER_INCIDENT:
                continue
            made += [(at_ms, self._row(action)) for at_ms in spread_out(self._rng, count, minute=minute)]
        return made

    def _row(self, action: str) -> dict[str, Any]:
        rng = self._rng
        row: dict[str, Any] = {"user_id": f"u-{1 + below(rng, USERS):04d}", "action": action}
        if action in self._texts:
            row["text"] = self._texts[action].draw()
        else:
            row["item_id"] = f"SKU-{1 + below(rng, ITEMS):04d}"
        if action == "purchase":
            row["value"] = (500 + below(rng, 19_500)) / 100
        return row


def _weighted(candidates: list[LogLine], rng: Random) -> Deck[LogLine]:
    return Deck([line for line in candidates for _ in range(line.weight)], rng)
