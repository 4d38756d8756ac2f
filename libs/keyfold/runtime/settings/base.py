"""Settings from the environment: read once, frozen, every fault reported together, secrets masked."""

import codecs
import os
import stat
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from keyfold.runtime.auth.access_tokens import TOKEN_TYPES
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.auth.claims import PLAIN_CLAIMS, check_place, read_roles
from keyfold.runtime.auth.jwks import AGE_MAX_S, require_keys
from keyfold.runtime.settings.addresses import check_dsn, check_host, check_trusted_url
from keyfold.runtime.settings.known import SETTINGS
from keyfold.runtime.settings.ports import PortSettings

PREFIX: Final = "KEYFOLD_"


def read_file(path: Path) -> bytes:
    """Return the content of a setting's file, without a byte order mark. Raises ValueError."""
    try:
        # Anything but a regular file might be readable only once, or have no end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("it is no file")
        content = path.read_bytes()
    except OSError as fault:
        raise ValueError(f"it cannot be read: {fault.strerror}") from None
    if not content.strip():
        raise ValueError("the file is empty")
    return content.removeprefix(codecs.BOM_UTF8)


def file_validator(read: Callable[[bytes], object]) -> AfterValidator:
    """Return a validator that reads a path's file now, so that all faults are reported together.

    `read` raises ValueError for a fault.
    """

    def check(path: Path | None) -> Path | None:
        if path is not None:
            read(read_file(path))
        return path

    return AfterValidator(check)


def _check_directory(path: Path) -> Path:
    """Return a directory that exists or can be made. Raises ValueError for another path."""
    there = next(each for each in (path.absolute(), *path.absolute().parents) if os.path.lexists(each))
    if not there.is_dir():
        raise ValueError("it is no directory" if there == path.absolute() else "it lies below what is none")
    return path


Directory = Annotated[Path, AfterValidator(_check_directory)]
"""A directory that the service makes if it is missing."""


def _check_postgres_dsn(dsn: SecretStr) -> SecretStr:
    check_dsn(dsn.get_secret_value())
    return dsn


PostgresDsn = Annotated[SecretStr, AfterValidator(_check_postgres_dsn)]


def _check_key_source(source: str) -> str:
    if "://" not in source:
        require_keys(read_file(Path(source)))
        return source
    # Keys fetched over plain http can be swapped on the way, and with them every caller's identity.
    return check_trusted_url(source)


class Environment(BaseSettings):
    """How every setting is read: with a prefix, frozen, and never shown in an error."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _is_typed(cls, value: object, info: ValidationInfo) -> object:
        """Refuse what nobody means: an empty value, and what a file with other line ends leaves behind."""
        if not isinstance(value, str):
            return value
        if not value.strip() and not (value == "" and cls.model_fields[str(info.field_name)].default == ""):
            raise ValueError("it is empty")
        if any(unicodedata.category(each) == "Cs" for each in value):
            raise ValueError("it holds bytes that are not UTF-8")
        if value != value.strip() or any(unicodedata.category(each) == "Cc" for each in value):
            raise ValueError("it begins or ends with white space, or holds a control character")
        return value


class ServiceSettings(PortSettings, Environment):
    """What every service takes: where it listens, how it logs, how long it starts and drains.

    Each field's description completes the sentence "<variable> must be …" of a fault.
    """

    http_host: Annotated[str, AfterValidator(check_host)] = Field(
        "127.0.0.1", description="an address to listen on, such as 0.0.0.0"
    )
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


class PostgresSettings(Environment):
    """Where PostgreSQL is; a secret, as the address may hold a password."""

    postgres_dsn: PostgresDsn = Field(
        description="an address such as postgresql://user:password@host/database?sslmode=verify-full&sslrootcert=/path/of/ca.pem"
    )


def _read_types(given: object) -> object:
    """Return the types of tokens that a setting lists, in lower case. Raises ValueError for another one."""
    types = tuple(each.strip().lower() for each in given.split(",")) if isinstance(given, str) else given
    if not isinstance(types, tuple) or any(each not in TOKEN_TYPES for each in types):
        raise ValueError("it names a type that is not one of " + ", ".join(TOKEN_TYPES))
    return types


ClaimPlace = Annotated[str, AfterValidator(check_place)]
_CLAIM_PLACE: Final = "the name of a claim, or a JSON pointer to it that begins with /"


class AuthSettings(Environment):
    """Whose bearer tokens are accepted, and which of their claims are read."""

    jwks: Annotated[str, AfterValidator(_check_key_source)] = Field(
        description="the path of a JWKS file, or its https:// address"
    )
    jwks_age_max_s: float = Field(
        AGE_MAX_S,
        ge=60,
        le=86_400,
        description="how long keys are believed after they were read: 60 to 86400 seconds",
    )
    jwt_issuer: str = Field(description="the iss that tokens carry")
    jwt_audience: str = Field(description="the aud that tokens carry")
    jwt_types: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_read_types)] = Field(
        TOKEN_TYPES, description="at+jwt, or at+jwt,jwt to take tokens too that say only that they are JWTs"
    )
    jwt_role_claim: ClaimPlace = Field(PLAIN_CLAIMS.role, description=_CLAIM_PLACE)
    jwt_account_claim: ClaimPlace = Field(PLAIN_CLAIMS.account, description=_CLAIM_PLACE)
    jwt_vendor_claim: ClaimPlace = Field(PLAIN_CLAIMS.vendor, description=_CLAIM_PLACE)
    jwt_roles: Annotated[dict[str, Role], NoDecode, BeforeValidator(read_roles)] = Field(
        default_factory=lambda: dict(PLAIN_CLAIMS.roles),
        description='JSON that says which role each value of that claim stands for, as {"manager": "owner"}',
    )


class KeyHeaderSettings(Environment):
    """Which headers carry the keys: the same for services that decide and for those that say how to ask."""

    vendor_key_header: str = Field(
        "x-api-key", pattern=r"^[A-Za-z0-9-]{1,64}$", description="the name of a header"
    )
    subscriber_key_header: str = Field(
        "A-api-key", pattern=r"^[A-Za-z0-9-]{1,64}$", description="the name of a header"
    )

    @field_validator("subscriber_key_header")
    @classmethod
    def _is_another_header(cls, name: str, info: ValidationInfo) -> str:
        if name.lower() == str(info.data.get("vendor_key_header")).lower():
            raise ValueError("it is KEYFOLD_VENDOR_KEY_HEADER too")
        return name


class RateLimitSettings(Environment):
    """How often one tenant may call one process."""

    commands_per_minute: int = Field(
        3000, ge=0, le=1_000_000, description="how many commands a tenant may send in a minute, or 0 for any"
    )
    failures_per_minute: int = Field(
        600,
        ge=0,
        le=1_000_000,
        description="how many calls of a tenant, or tokens of an address, may fail in a minute, or 0 for any",
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
    """The environment is not a usable configuration; the message lists every fault, never a value."""

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
    right = (field.description if field else None) or "as documented"
    return Fault(variable=PREFIX + name.upper(), wrong=_wrong(details), right=right)


def _wrong(details: ErrorDetails) -> str:
    match details["type"]:
        case "missing":
            return "it is not set"
        case "string_pattern_mismatch":
            return "it has another form"
        case _:
            return details["msg"].removeprefix("Value error, ").replace("Input should", "it should", 1)


def unknown_variables(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the ``KEYFOLD_`` variables that no part of Keyfold reads: typos."""
    known = {PREFIX + name for name in SETTINGS}
    return tuple(sorted(name for name in environment if name.startswith(PREFIX) and name not in known))


def mask_secrets(settings: BaseSettings) -> dict[str, object]:
    """Return the settings as plain values for a log line, with every secret as asterisks."""
    return settings.model_dump(mode="json")
