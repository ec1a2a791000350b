"""Settings: what is wrong is refused with its name, its value and what would be right; secrets never show."""

import pytest

from streams.errors import SettingsError
from streams.settings import Kafka, load_settings, seed_data


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_defaults_are_the_contracts():
    settings = load_settings()
    assert (settings.kafka, settings.clickhouse, settings.page, str(settings.data_dir)) == (
        "127.0.0.1:9092",
        "http://127.0.0.1:8123",
        "127.0.0.1:8080",
        ".pulsewire",
    )


def test_the_environment_overrides_the_file(tmp_path, monkeypatch):
    (tmp_path / "pulsewire.toml").write_text(
        'kafka = "a:1"\nbatch_size = 7\nentities = [{ name = "Acme", aliases = ["艾克美"] }]\n'
    )
    monkeypatch.setenv("PULSEWIRE_KAFKA", "b:2,c:3")
    settings = load_settings()
    assert (settings.kafka, settings.batch_size) == ("b:2,c:3", 7)
    assert settings.entities[0].aliases == ("艾克美",)


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("KAFKA", "localhost", "host:port"),
        ("KAFKA", "localhost:99999", "host:port"),
        ("PAGE", "a:1,b:2", "one host:port"),
        ("PAGE", "8080", "one host:port"),
        ("WINDOW_SECONDS", "60", "a list, such as [60, 3600]"),
        ("WINDOW_SECONDS", "60,3600", "a list, such as [60, 3600]"),
        ("ENTITIES", "Acme", 'a list, such as [{"name": "Acme"}]'),
        ("PAGE_HOSTS", "pulse.example.org", 'a list, such as ["pulse.example.org"]'),
        ("CLICKHOUSE", "127.0.0.1:8123", "a URL such as http://"),
        ("CLICKHOUSE", "http://store:99999", "a URL such as http://"),
        ("CLICKHOUSE", "http://store:http", "a URL such as http://"),
        ("CLICKHOUSE", "http://[::1]8123", "a URL such as http://"),
        ("CLICKHOUSE", "https://proxy/clickhouse", "nothing after host and port, such as https://proxy"),
        ("BATCH_SIZE", "0", "greater than or equal to 1"),
        ("BATCH_SIZE", "many", "valid integer"),
        ("ALERT_WINDOW_SECONDS", "61", "one of window_seconds, 60, 3600"),
        ("ALERT_HISTORY", "15", "greater than or equal to 16"),
        ("KAFKA_SECURITY", "TLS", "'PLAINTEXT', 'SSL'"),
    ],
)
def test_a_wrong_value_is_refused_with_name_value_and_what_is_right(monkeypatch, name, value, right):
    monkeypatch.setenv(f"PULSEWIRE_{name}", value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert name.lower() in str(refused.value)
    assert value in str(refused.value)
    assert right in str(refused.value)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("CLICKHOUSE", "http://me:geheim@store:8123"),
        ("CLICKHOUSE", "http://me:ge/h@geheim@store"),
        ("CLICKHOUSE", "me:geheim@store"),
        ("KAFKA", "me:geheim@broker:9092"),
        ("KAFKA", "SASL_SSL://me:geheim@broker:9092"),
        ("KAFKA", "SSL://broker:9092"),  # nor a protocol
    ],
)
def test_a_password_in_an_address_is_refused_and_not_shown(monkeypatch, name, address):
    monkeypatch.setenv(f"PULSEWIRE_{name}", address)
    with pytest.raises(SettingsError, match=f"PULSEWIRE_{name}_USER and PULSEWIRE_{name}_PASSWORD") as refused:
        load_settings()
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"kafka_user": "u"}, "kafka_user is set and kafka_security is PLAINTEXT: expected SASL_SSL"),
        ({"kafka_password": "hush", "kafka_security": "SSL"}, "kafka_password is set and kafka_security is SSL"),
        ({"kafka_security": "SASL_SSL"}, "expected kafka_user and kafka_password, too"),
        ({"kafka_ca_file": __file__}, "kafka_ca_file is set and the connection is not encrypted"),
        ({"clickhouse_ca_file": __file__}, "expected a URL with https, too"),
        ({"clickhouse_ca_file": "/no/ca.pem", "clickhouse": "https://store"}, "'/no/ca.pem': there is no such file"),
    ],
)
def test_security_that_would_be_passed_over_is_an_error(given, wanted):
    with pytest.raises(SettingsError) as refused:
        load_settings(**given)
    assert wanted in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://[::1]:8123", "https://store", "https://store:8443/"])
def test_an_address_of_the_store(url):
    assert load_settings(clickhouse=url).clickhouse == url.rstrip("/")


def test_a_broken_file_is_one_line(tmp_path):
    (tmp_path / "pulsewire.toml").write_text("kafka = ")
    with pytest.raises(SettingsError, match=r"pulsewire\.toml cannot be read"):
        load_settings()


def test_a_file_that_is_named_must_be_there(tmp_path, monkeypatch):
    monkeypatch.setenv("PULSEWIRE_CONFIG", str(tmp_path / "mine.toml"))
    with pytest.raises(SettingsError, match=r"PULSEWIRE_CONFIG is '.*mine\.toml': there is no such file"):
        load_settings()
    (tmp_path / "mine.toml").write_text("kafka = ")
    with pytest.raises(SettingsError, match=r"mine\.toml cannot be read"):
        load_settings()


def test_a_name_that_is_no_setting_is_refused_in_the_file(tmp_path):
    (tmp_path / "pulsewire.toml").write_text("partitons = 8")
    with pytest.raises(SettingsError, match=r"pulsewire\.toml sets partitons, which is no setting; is it partitions\?"):
        load_settings()


def test_real_data_that_are_named_must_be_there(tmp_path):
    assert seed_data(load_settings()) is None
    with pytest.raises(SettingsError, match=r"PULSEWIRE_SEED_DATA.*no such folder"):
        seed_data(load_settings(seed_data=tmp_path / "nowhere"))


def test_secrets_reach_the_client_and_nothing_else(monkeypatch):
    for name, value in {"SECURITY": "SASL_PLAINTEXT", "USER": "u", "PASSWORD": "hush"}.items():
        monkeypatch.setenv(f"PULSEWIRE_KAFKA_{name}", value)
    settings = load_settings()
    assert "hush" not in repr(settings) + str(settings.model_dump())
    assert Kafka.of(settings).aiokafka()["sasl_plain_password"] == "hush"
    assert "hush" not in repr(Kafka.of(settings))


def test_tls_comes_with_a_context(monkeypatch):
    monkeypatch.setenv("PULSEWIRE_KAFKA_SECURITY", "SASL_SSL")
    monkeypatch.setenv("PULSEWIRE_KAFKA_USER", "u")
    known = Kafka.of(load_settings()).aiokafka()
    assert known["ssl_context"].check_hostname
    assert known["security_protocol"] == "SASL_SSL"
