"""Compose cannot run here, so it is checked against its schema and against the code that it starts."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml

from infra.embedded.clickhouse.users import READER_LIMITS
from infra.embedded.kafka import MESSAGE_MAX_BYTES
from streams.adapters import metrics
from streams.serve.guard import allowed_hosts
from streams.serve.meter import Meter
from streams.settings import PREFIX, Settings, load_settings
from streams.topology import DAY_MS, MAX_MESSAGE_BYTES, topics

SCHEMA = Path("tests/infra/schemas/compose-spec.json")
TEXT = Path("docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("pulsewire:")}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def interpolated(value: Any, env: dict[str, str]) -> str:
    def put(match: re.Match[str]) -> str:
        name, how, rest = match.groups()
        assert env.get(name) or how == "-", f"{name} is needed: {rest}"
        return env.get(name) or rest

    return VARIABLE.sub(put, str(value))


def environment(service: str, env: dict[str, str] | None = None) -> dict[str, str]:
    chosen = env or dict.fromkeys(re.findall(r"\$\{(\w+):\?", TEXT), "secret")
    return {name: interpolated(value, chosen) for name, value in SERVICES[service]["environment"].items()}


def settings(service: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment(service).items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_it_is_what_the_compose_specification_allows():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    errors = [f"{list(e.absolute_path)}: {e.message}" for e in jsonschema.Draft7Validator(schema).iter_errors(COMPOSE)]
    assert not errors


def test_the_schema_can_fail():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    broken = {"services": {"kafka": {"imagee": "apache/kafka"}}}
    assert list(jsonschema.Draft7Validator(schema).iter_errors(broken))


def test_everything_is_published_on_loopback_only():
    published = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert {name for name, ports in published.items() if ports} == {
        "kafka",
        "clickhouse",
        "page",
        "prometheus",
        "grafana",
    }


def test_a_program_of_this_machine_finds_everything_at_the_default_settings():
    defaults = Settings()
    published = {port.rpartition(":")[0] for service in SERVICES.values() for port in service.get("ports", [])}
    assert {defaults.kafka, defaults.clickhouse.removeprefix("http://"), defaults.page} <= published


@pytest.mark.parametrize("service", [*OURS])
def test_each_variable_is_a_setting_and_its_value_is_right(service, monkeypatch):
    names = {name for name in environment(service) if name.startswith(PREFIX)}
    assert {name.removeprefix(PREFIX).lower() for name in names} <= set(Settings.model_fields)
    assert settings(service, monkeypatch)


def test_our_services_look_where_the_others_are(monkeypatch):
    kafka = environment("kafka")
    advertised = dict(entry.split("://") for entry in kafka["KAFKA_ADVERTISED_LISTENERS"].split(","))
    for service in ("init", "worker"):
        with monkeypatch.context() as patch:
            chosen = settings(service, patch)
        assert chosen.kafka == advertised["INTERNAL"]
        assert chosen.clickhouse == "http://clickhouse:8123"
    assert advertised["HOST"] == Settings().kafka


def test_the_page_is_reachable_from_outside_its_container_and_knows_no_writer(monkeypatch):
    chosen = settings("page", monkeypatch)
    host, _, port = chosen.page.partition(":")
    assert host == "0.0.0.0"  # noqa: S104
    assert SERVICES["page"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert "PULSEWIRE_CLICKHOUSE_PASSWORD" not in environment("page")
    hosts = allowed_hosts(chosen.page, listed=chosen.page_hosts)
    assert hosts == {"127.0.0.1", "::1", "localhost", "page", host}  # Prometheus comes by the service's name
    assert f":{port}/readyz" in SERVICES["page"]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("service", [*OURS])
def test_our_commands_exist_and_wait_for_what_they_need(service):
    word, command = SERVICES[service]["command"]
    assert word == "pulsewire"
    assert importlib.util.find_spec({"init": "infra.init"}.get(command, f"streams.cli.{command}"))
    conditions = {name: how["condition"] for name, how in SERVICES[service]["depends_on"].items()}
    healthy = {"kafka": "service_healthy", "clickhouse": "service_healthy"}
    assert conditions == (healthy if service == "init" else {"init": "service_completed_successfully"})


def test_what_must_be_healthy_has_a_check():
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[name], name


def test_the_broker_agrees_with_the_topics():
    kafka = environment("kafka")
    assert kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert int(kafka["KAFKA_MESSAGE_MAX_BYTES"]) == MESSAGE_MAX_BYTES == MAX_MESSAGE_BYTES
    assert int(kafka["KAFKA_REPLICA_FETCH_MAX_BYTES"]) >= MAX_MESSAGE_BYTES
    assert int(kafka["KAFKA_LOG_RETENTION_HOURS"]) * 3_600_000 == 7 * DAY_MS
    assert all(int(t["retention.ms"]) == 7 * DAY_MS for t in topics().values())


def test_secrets_come_from_the_environment_alone():
    given = dict(
        line.split("=", 1) for line in Path(".env.example").read_text("utf-8").splitlines() if line and line[0] != "#"
    )
    assert {name for name, _, _ in VARIABLE.findall(TEXT)} == set(given)
    secrets = {name for name in given if name.endswith("PASSWORD")}
    assert not any(given[name] for name in secrets)
    for name, how, _ in VARIABLE.findall(TEXT):
        assert (how == "?") == (name in secrets), name
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or str(value).startswith("${"), name
    assert ".env" in Path(".gitignore").read_text("utf-8").split()


def test_the_example_values_are_right(monkeypatch):
    lines = [line for line in Path(".env.example").read_text("utf-8").splitlines() if line and line[0] != "#"]
    env = {name: value or "secret" for name, value in (line.split("=", 1) for line in lines)}
    for name, value in environment("worker", env).items():
        monkeypatch.setenv(name, value)
    assert load_settings().entities[0].name == "Volkswagen"


def test_mounted_files_exist():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, target = volume.split(":")[:2]
            if source.startswith("./"):
                assert Path(source).exists(), source
                assert volume.endswith(":ro"), volume
            else:
                assert source in COMPOSE["volumes"], volume
            assert target.startswith("/")


def test_the_users_are_those_of_the_settings_and_the_limits_those_of_the_embedded_store():
    root = ET.parse("infra/clickhouse/users.d/pulsewire.xml").getroot()  # noqa: S314 - our own file
    users = {user.tag: user for user in root.find("users")}
    assert users["default"].get("remove") == "remove"
    wanted = {
        Settings().clickhouse_user: "PULSEWIRE_CLICKHOUSE_PASSWORD",
        Settings().clickhouse_reader: "PULSEWIRE_CLICKHOUSE_READER_PASSWORD",
    }
    assert set(users) - {"default"} == set(wanted)
    for name, variable in wanted.items():
        assert users[name].find("password").get("from_env") == variable
        assert variable in SERVICES["clickhouse"]["environment"]
    assert [grant.text for grant in users["reader"].iter("query")] == ["GRANT SELECT ON pulsewire.*"]
    profile = root.find("profiles/reader")
    assert profile.findtext("readonly") == "2"
    for name, limit in READER_LIMITS.items():
        assert int(profile.findtext(name)) == limit
        assert int(profile.findtext(f"constraints/{name}/max")) == limit
        assert int(profile.findtext(f"constraints/{name}/min")) >= 1  # 0 would lift the limit


def test_prometheus_watches_what_there_is():
    config = yaml.safe_load(Path("infra/prometheus/prometheus.yml").read_text("utf-8"))
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    (workers,) = jobs["worker"]["dns_sd_configs"]
    assert workers["names"] == ["worker"]
    assert str(workers["port"]) == environment("worker")["PULSEWIRE_METRICS_PORT"]
    assert f":{workers['port']}/healthz" in SERVICES["worker"]["healthcheck"]["test"][-1]
    assert jobs["page"]["static_configs"][0]["targets"] == ["page:8080"]
    assert config["rule_files"] == ["alerts.yml"]


def known_metrics() -> set[str]:
    names = set()
    for registry in (metrics.REGISTRY, Meter().registry):
        for family in registry.collect():
            ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
            names |= {family.name + end for end in ends}
    return names


def test_rules_and_panels_use_metrics_that_exist():
    rules = yaml.safe_load(Path("infra/prometheus/alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
    board = json.loads(Path("infra/grafana/dashboards/pulsewire.json").read_text("utf-8"))
    asked = [rule["expr"] for rule in rules]
    asked += [t["expr"] for panel in board["panels"] for t in panel["targets"] if "expr" in t]
    used = {name for expr in asked for name in re.findall(r"pulsewire_\w+", expr)}
    assert len(used) >= 5
    assert used <= known_metrics()
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["for"]
        assert rule["annotations"].keys() == {"summary", "description"}
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_grafana_reads_as_the_reader():
    (store, prometheus) = yaml.safe_load(
        Path("infra/grafana/provisioning/datasources/pulsewire.yml").read_text("utf-8")
    )["datasources"]
    assert store["jsonData"]["username"] == Settings().clickhouse_reader
    assert store["jsonData"]["host"] == "clickhouse"
    assert store["jsonData"]["defaultDatabase"] == "pulsewire"
    assert int(store["jsonData"]["queryTimeout"]) <= READER_LIMITS["max_execution_time"]
    assert store["secureJsonData"]["password"].removeprefix("$") in SERVICES["grafana"]["environment"]
    assert prometheus["url"] == "http://prometheus:9090"
    board = json.loads(Path("infra/grafana/dashboards/pulsewire.json").read_text("utf-8"))
    uids = {panel["datasource"]["uid"] for panel in board["panels"]}
    assert uids == {store["uid"], prometheus["uid"]}
    (provider,) = yaml.safe_load(Path("infra/grafana/provisioning/dashboards/pulsewire.yml").read_text("utf-8"))[
        "providers"
    ]
    assert any(v.split(":")[1] == provider["options"]["path"] for v in SERVICES["grafana"]["volumes"])


def test_the_image_holds_the_locked_packages_and_runs_as_nobody_special():
    text = Path("infra/docker/Dockerfile").read_text("utf-8")
    assert "uv sync --frozen" in text
    final = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!0|root)", final, re.MULTILINE)
    assert OURS["worker"]["build"]["dockerfile"] == "infra/docker/Dockerfile"
    kept = {line[1:] for line in Path(".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert {"pyproject.toml", "uv.lock", "streams", "models", "export", "infra"} <= kept
    assert all(Path(name).exists() for name in kept)
