"""What can be set, asked and measured is in the documents, and nothing else is."""

import re
from pathlib import Path

from streams.serve import asking
from streams.serve.app import build
from streams.settings import Settings, load_settings

OPERATIONS = Path("docs/operations.md").read_text(encoding="utf-8")
API = Path("docs/api.md").read_text(encoding="utf-8")
SETTINGS = OPERATIONS.partition("## Settings")[2].partition("\n## ")[0]


def test_every_setting_is_documented_with_its_default():
    rows = {}
    for line in SETTINGS.splitlines():
        if line.startswith("| `"):
            _, names, defaults, _ = (cell.strip() for cell in line.split("|")[:4])
            found = re.findall(r"`(\w+)`", names)
            shown = defaults.split(", ") if len(found) > 1 else [defaults]
            rows |= dict(zip(found, shown * (1 if len(shown) == len(found) else len(found)), strict=True))
    assert set(rows) == set(Settings.model_fields)
    for name, shown in rows.items():
        default = Settings.model_fields[name].default
        if isinstance(default, int | str) and default != "":
            assert shown.strip("`") == str(default), name
    assert rows["window_seconds"].strip("`") == str(list(Settings.model_fields["window_seconds"].default))


def test_every_address_and_parameter_of_the_api_is_documented():
    rows = {}
    for line in API.splitlines():
        cells = line.split("|")
        for address in re.findall(r"`(/[\w/]*)`", cells[1]) if len(cells) > 3 else []:
            rows[address] = set(re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", cells[2])))
    app = build(load_settings())
    served = {route.path for route in app.routes} - {"/", "/static"}
    assert set(rows) == served
    for kind in (asking.Overview, asking.Trend, asking.Top, asking.Alerts, asking.Events):
        fields = {name.rstrip("_") for name in kind.__struct_fields__}
        assert rows[f"/api/{kind.__name__.lower()}"] == fields


def test_every_rule_for_prometheus_is_documented():
    rules = set(re.findall(r"alert: (\w+)", Path("infra/prometheus/alerts.yml").read_text(encoding="utf-8")))
    assert rules == set(re.findall(r"`(Pulsewire\w+)`", OPERATIONS))


def test_every_reason_is_documented():
    source = Path("streams/serve/trouble.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'"error": "(\w+)"', source)) | {"bad_request", "not_found", "method_not_allowed"}
    assert codes == set(re.findall(r"^\| \d+ \| `(\w+)`", API, re.MULTILINE))
