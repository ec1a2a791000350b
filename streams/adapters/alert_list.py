"""The latest alerts, for whoever wants to look: one an incident, at its latest revision."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from streams.adapters.clickhouse import connect, store_errors
from streams.core.alert import Alert, AlertWindow, Evidence
from streams.settings import Settings

_LATEST: Final = """
SELECT id, fingerprint, revision, status, rule, severity, labels, annotations, starts_at, ends_at,
       window_start, window_seconds, value, expected, score, evidence
FROM
(
    SELECT * FROM alerts FINAL
    WHERE {kind:String} IN ('', kind)
    ORDER BY fingerprint, revision DESC
    LIMIT 1 BY fingerprint, starts_at
)
WHERE {status:String} IN ('', status)
ORDER BY starts_at DESC, fingerprint
LIMIT {limit:UInt32}
"""
_evidence: Final = msgspec.json.Decoder(tuple[Evidence, ...]).decode


async def latest_alerts(settings: Settings, *, kind: str, status: str, limit: int) -> list[Alert]:
    """The newest incidents first; an empty kind or status is any.

    Raises:
        StoreAway: ClickHouse does not answer.
    """
    client = await connect(settings, reader=True)
    try:
        with store_errors():
            found = await client.query(_LATEST, parameters={"kind": kind, "status": status, "limit": limit})
        return [_alert(dict(zip(found.column_names, row, strict=True))) for row in found.result_rows]
    finally:
        await client.close()


def _alert(row: dict[str, Any]) -> Alert:
    """A row of the table under the names of the topic."""
    return Alert(
        startsAt=_rfc3339(row.pop("starts_at")),
        endsAt=_rfc3339(row.pop("ends_at")),
        window=AlertWindow(_rfc3339(row.pop("window_start")), row.pop("window_seconds")),
        evidence=_evidence(row.pop("evidence") or "[]"),
        **row,
    )


def _rfc3339(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
