"""Settings: defaults, overridden by `pulsewire.toml`, overridden by `PULSEWIRE_*` variables.

A wrong setting is refused at start with its name, the value and what would be right. Secrets are `SecretStr`: they
never show in a log or in `repr`.
"""

import difflib
import os
import re
import ssl
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from streams.addresses import address, addresses, url
from streams.errors import SettingsError

CONFIG_FILE = "pulsewire.toml"
PREFIX = "PULSEWIRE_"
CONFIG = PREFIX + "CONFIG"
_SECRET = re.compile(r"(?<=^.).*@", re.DOTALL)  # a password in an address, within quotes
_LISTS = {"window_seconds": "[60, 3600]", "page_hosts": '["pulse.example.org"]', "entities": '[{"name": "Acme"}]'}
OTHERS = (PREFIX + "WORKERS",)  # read by docker-compose.yml alone


class _Environment(EnvSettingsSource):
    """The variables. What should be JSON and is not is handed on as text, and refused as every other wrong value is."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class Entity(BaseModel):
    """One entry of the watch list: a name and the other ways it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    aliases: tuple[str, ...] = ()


class Settings(BaseSettings):
    """What an operator may choose. Times are in the unit that the name ends with."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, toml_file=CONFIG_FILE, frozen=True, extra="forbid")

    # where things are
    kafka: Annotated[str, AfterValidator(addresses)] = "127.0.0.1:9092"
    clickhouse: Annotated[str, AfterValidator(url)] = "http://127.0.0.1:8123"
    page: Annotated[str, AfterValidator(address)] = "127.0.0.1:8080"
    page_hosts: tuple[Annotated[str, Field(pattern=r"^[\w.-]+$")], ...] = ()
    data_dir: Path = Path(".pulsewire")
    bundle: Path | None = None
    seed_data: Path | None = None

    # who we are to them
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_user: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_ca_file: Path | None = None
    clickhouse_user: str = "pulsewire"
    clickhouse_password: SecretStr = SecretStr("")
    clickhouse_reader: str = "reader"
    clickhouse_reader_password: SecretStr = SecretStr("")
    clickhouse_ca_file: Path | None = None

    # the stream
    partitions: int = Field(4, ge=1, le=1_000)
    replication: int = Field(1, ge=1, le=9)
    group: str = Field("pulsewire", min_length=1)
    batch_size: int = Field(5_000, ge=1, le=100_000)
    batch_within_ms: int = Field(50, ge=1, le=60_000)
    max_event_bytes: int = Field(1_048_576, ge=1_024, le=7_000_000)  # what is published of one may be twice as long
    dlq_limit_share: float = Field(0.5, gt=0, le=1)
    dlq_limit_window: int = Field(1_000, ge=1, le=10_000_000)
    crash_tries: int = Field(3, ge=2, le=100)  # deaths over one event before it goes to the dead-letter topic
    session_timeout_ms: int = Field(10_000, ge=6_000, le=300_000)
    lateness_ms: int = Field(60_000, ge=0)
    idle_after_ms: int = Field(10_000, ge=100)
    window_seconds: tuple[Annotated[int, Field(ge=1, le=86_400)], ...] = Field((60, 3600), min_length=1)
    threads: int | None = Field(None, ge=1)
    answers_kept: int = Field(100_000, ge=0)

    # how long rows are kept after they were stored; 0 is for ever
    keep_events_days: int = Field(90, ge=0, le=36_500)
    keep_windows_days: int = Field(730, ge=0, le=36_500)

    # alerts and samples
    alert_window_seconds: int = 60
    alert_history: int = Field(60, ge=16, le=1_440)  # of under `Limits.min_history` windows nothing is judged
    cooldown_ms: int = Field(600_000, ge=0)
    sample_every_seconds: int = Field(3_600, ge=60)
    sample_size: int = Field(20, ge=1, le=1_000)
    sample_share: float = Field(0.05, gt=0, le=1)

    # the watch list
    entities: tuple[Entity, ...] = ()

    # the process
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(0, ge=0, le=65_535)
    log_level: Literal["debug", "info", "warn", "error"] = "warn"

    @model_validator(mode="after")
    def _alerts_need_their_windows(self) -> Self:
        if self.alert_window_seconds not in self.window_seconds:
            raise ValueError(
                f"alert_window_seconds is {self.alert_window_seconds}: expected one of window_seconds,"
                f" {', '.join(map(str, self.window_seconds))}"
            )
        return self

    @model_validator(mode="after")
    def _security_is_in_force(self) -> Self:
        """What was set to be safe and would be passed over is an error: events would go out in clear."""
        login = [name for name in ("kafka_user", "kafka_password") if getattr(self, name)]
        if login and not self.kafka_security.startswith("SASL"):
            raise ValueError(
                f"{login[0]} is set and kafka_security is {self.kafka_security}: expected SASL_SSL or SASL_PLAINTEXT"
            )
        if self.kafka_security.startswith("SASL") and not self.kafka_user:
            raise ValueError(f"kafka_security is {self.kafka_security}: expected kafka_user and kafka_password, too")
        for name, file, encrypted, how in (
            (
                "kafka_ca_file",
                self.kafka_ca_file,
                self.kafka_security.endswith("SSL"),
                "kafka_security SSL or SASL_SSL",
            ),
            ("clickhouse_ca_file", self.clickhouse_ca_file, self.clickhouse.startswith("https"), "a URL with https"),
        ):
            if file and not encrypted:
                raise ValueError(f"{name} is set and the connection is not encrypted: expected {how}, too")
            if file and not file.is_file():
                raise ValueError(f"{name} is {str(file)!r}: there is no such file")
        return self

    @model_validator(mode="after")
    def _windows_outlive_events(self) -> Self:
        forever = 10**6
        if (self.keep_windows_days or forever) < (self.keep_events_days or forever):
            raise ValueError(
                f"keep_windows_days is {self.keep_windows_days}: expected at least keep_events_days,"
                f" {self.keep_events_days}, or 0 for ever"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **sources: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, config_file())
        return sources["init_settings"], _Environment(settings_cls), toml


def load_settings(**overrides: Any) -> Settings:
    """The settings in force.

    Raises:
        SettingsError: one line for each setting that is wrong: its name, its value, what would be right.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    named = os.environ.get(CONFIG)
    if named and not Path(named).is_file():
        raise SettingsError(f"{CONFIG} is {named!r}: there is no such file")
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("; ".join(_complaint(e) for e in error.errors())) from None
    except ValueError as error:  # a TOML file that is none
        raise SettingsError(f"{config_file()} cannot be read: {error}") from None


def config_file() -> Path:
    """The file of settings, which need not exist."""
    return Path(os.environ.get(CONFIG) or CONFIG_FILE)


def unknown_variables() -> list[str]:
    """Variables that look like settings and are none."""
    known = {CONFIG, *OTHERS, *(PREFIX + name.upper() for name in Settings.model_fields)}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name.upper() not in known)


def meant(name: str) -> str:
    """The setting that a wrong name comes closest to, as a question; empty where none is close."""
    close = difflib.get_close_matches(name.removeprefix(PREFIX).lower(), Settings.model_fields, n=1)
    shown = close and (PREFIX + close[0].upper() if name.startswith(PREFIX) else close[0])
    return f"; is it {shown}?" if shown else ""


def _complaint(error: Any) -> str:
    path = [str(part) for part in error["loc"]]
    wanted = str(error["msg"]).removeprefix("Value error, ")
    if not path:
        return wanted
    name, shown = ".".join(path), repr(error["input"])
    if error["type"] == "extra_forbidden":
        return f"{config_file()} sets {name}, which is no setting{meant(name)}"
    if error["type"] == "tuple_type":
        wanted = f"expected a list, such as {_LISTS[name]}" if name in _LISTS else "expected a list"
    if "password" in name:
        shown = "(hidden)"
    return f"setting {name} ({PREFIX}{path[0].upper()}) is {_SECRET.sub('(hidden)@', shown)}: {wanted}"


def seed_data(settings: Settings) -> Path | None:
    """The folder of real data: the one that is named, else `../shared/data` where it exists.

    Raises:
        SettingsError: what is named is no folder.
    """
    if settings.seed_data and not settings.seed_data.is_dir():
        raise SettingsError(f"setting seed_data ({PREFIX}SEED_DATA) is {str(settings.seed_data)!r}: no such folder")
    folder = settings.seed_data or Path("../shared/data")
    return folder if folder.is_dir() else None


class Kafka(msgspec.Struct, frozen=True):
    """How every Kafka client of ours connects: one place, so that SASL and TLS reach all of them."""

    servers: str
    security: str
    mechanism: str
    user: str
    password: SecretStr
    ca_file: str | None

    @classmethod
    def of(cls, settings: Settings) -> "Kafka":
        """The broker that the settings name."""
        return cls(
            servers=settings.kafka,
            security=settings.kafka_security,
            mechanism=settings.kafka_sasl_mechanism,
            user=settings.kafka_user,
            password=settings.kafka_password,
            ca_file=str(settings.kafka_ca_file) if settings.kafka_ca_file else None,
        )

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context, or None where the connection is plain."""
        return ssl.create_default_context(cafile=self.ca_file) if self.security.endswith("SSL") else None

    def aiokafka(self) -> dict[str, Any]:
        """Arguments for any client of aiokafka."""
        known: dict[str, Any] = {"bootstrap_servers": self.servers.split(","), "security_protocol": self.security}
        if context := self.tls():
            known["ssl_context"] = context
        if self.security.startswith("SASL"):
            known |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        return known
