"""Settings from the environment: read once, frozen, every fault reported together, secrets masked."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

PREFIX: Final = "KEYFOLD_"
_LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def _postgres_dsn(dsn: SecretStr) -> SecretStr:
    if urlsplit(dsn.get_secret_value()).scheme not in {"postgresql", "postgres"}:
        raise ValueError("it does not start with postgresql://")
    return dsn


def _key_source(source: str) -> str:
    # Keys fetched in the clear can be swapped on the way, and with them every caller's identity.
    if source.startswith("http://") and urlsplit(source).hostname not in _LOOPBACK_HOSTS:
        raise ValueError("it is plain http to another machine")
    return source


class _Environment(BaseSettings):
    """How every setting is read: prefixed, frozen, and never shown in an error."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)


class ServiceSettings(_Environment):
    """What every service takes: where it listens, how it logs, how long it starts and drains.

    Each field's description completes the sentence "<variable> must be …" of a fault.
    """

    http_host: str = Field("127.0.0.1", min_length=1, description="an address to listen on, such as 0.0.0.0")
    http_port: int = Field(
        8080, ge=0, le=65535, description="a TCP port from 1 to 65535, or 0 for any free one"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="one of debug, info, warning, error"
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="one of json, console, or auto (console on a terminal, else json)"
    )
    startup_timeout_s: float = Field(
        60, gt=0, le=3600, description="how long to wait for what is needed: above 0, at most 3600 seconds"
    )
    drain_timeout_s: float = Field(
        5, ge=0, le=600, description="how long requests may take to finish: 0 to 600 seconds"
    )


class PostgresSettings(_Environment):
    """Where PostgreSQL is; secret, for the address may hold a password."""

    postgres_dsn: Annotated[SecretStr, AfterValidator(_postgres_dsn)] = Field(
        description="an address such as postgresql://user:password@host:5432/database"
    )


class KafkaSettings(_Environment):
    """Where Kafka is."""

    kafka_bootstrap: str = Field(
        pattern=r"^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$",
        description="broker addresses such as host:9092,other:9092",
    )


class AuthSettings(_Environment):
    """Whose bearer tokens are believed."""

    jwks: Annotated[str, AfterValidator(_key_source)] = Field(
        min_length=1, description="the path of a JWKS file, or its https:// address"
    )
    jwt_issuer: str = Field(min_length=1, description="the iss that tokens carry")
    jwt_audience: str = Field(min_length=1, description="the aud that tokens carry")


class RateLimitSettings(_Environment):
    """How often one caller may come to one process."""

    commands_per_minute: int = Field(
        3000, ge=0, le=1_000_000, description="how many commands a caller may send in a minute, or 0 for any"
    )
    failures_per_minute: int = Field(
        600,
        ge=0,
        le=1_000_000,
        description="how many calls of a caller, or tokens of an address, may fail in a minute, or 0 for any",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with one environment variable."""

    variable: str
    wrong: str
    right: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.wrong}; it must be {self.right}"


class BadSettings(Exception):
    """The environment does not make a usable configuration; lists every fault, never a value."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


S = TypeVar("S", bound=BaseSettings)


def load(settings_type: type[S]) -> S:
    """Read the settings from the environment, or raise ``BadSettings`` with every fault."""
    try:
        return settings_type()
    except ValidationError as invalid:
        details = invalid.errors(include_url=False, include_context=False, include_input=False)
        faults = [_fault(settings_type, each) for each in details]
        raise BadSettings(tuple(sorted(faults, key=str))) from None
    except SettingsError as unreadable:
        raise BadSettings((Fault(variable=PREFIX + "*", wrong=str(unreadable), right="JSON"),)) from None


def _fault(settings_type: type[BaseSettings], details: ErrorDetails) -> Fault:
    name = str(details["loc"][0]) if details["loc"] else "*"
    field = settings_type.model_fields.get(name)
    wrong = "it is not set" if details["type"] == "missing" else details["msg"].removeprefix("Value error, ")
    right = (field.description if field else None) or "as documented"
    return Fault(variable=PREFIX + name.upper(), wrong=wrong, right=right)


def unknown_variables(
    settings_type: type[BaseSettings], environment: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """Name the ``KEYFOLD_`` variables that these settings do not read: another service's, or a typo."""
    known = {PREFIX + name.upper() for name in settings_type.model_fields}
    return tuple(sorted(name for name in environment if name.startswith(PREFIX) and name not in known))


def masked(settings: BaseSettings) -> dict[str, object]:
    """Return the settings as plain values for a log line, with every secret as asterisks."""
    return settings.model_dump(mode="json")
