"""The panels of the Grafana dashboard, and the SQL that Grafana sends for each."""

import json
import re
from pathlib import Path

BOARD = json.loads(Path("infra/grafana/dashboards/pulsewire.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in BOARD["panels"] if "rawSql" in panel["targets"][0]]


def filled(panel, width: int, *, end_ms: int, seconds: int = 86_400) -> str:
    """Its SQL over the time before a moment, with macros and variables put in."""
    ends = {"$__fromTime": f"toDateTime({end_ms // 1000 - seconds})", "$__toTime": f"toDateTime({end_ms // 1000})"}
    within = r"\1 >= $__fromTime AND \1 <= $__toTime"
    sql = re.sub(r"\$__timeFilter\((\w+)\)", within, panel["targets"][0]["rawSql"])
    for name, value in {**ends, "$width": str(width)}.items():
        sql = sql.replace(name, value)
    assert "$" not in sql
    return sql
