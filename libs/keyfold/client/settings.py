"""The command line's settings: where services are, and who is asking."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, Field, SecretStr

from keyfold.runtime.settings.addresses import check_service_url
from keyfold.runtime.settings.base import PREFIX, PostgresDsn, ServiceSettings
from keyfold.runtime.settings.kafka import KafkaClientSettings

PORT_MAX: Final = 65_535
FIRST_PORT_MAX: Final = 65_500
# RFC 6750, section 2.1
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


def _check_token(token: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(token.get_secret_value()):
        raise ValueError("it holds a character that no bearer token has")
    return token


ServiceUrl: TypeAlias = Annotated[str | None, AfterValidator(lambda url: url and check_service_url(url))]


def _url_field(service: str) -> str | None:
    url: str | None = Field(
        None, description=f"the address of the {service} service, such as https://{service}.example:8080"
    )
    return url


class CommandSettings(KafkaClientSettings):
    """The environment of `keyfold`; a local stack may supply what is missing."""

    dir: Path | None = Field(None, description="the directory of a running local stack")
    token: Annotated[SecretStr | None, AfterValidator(lambda token: token and _check_token(token))] = Field(
        None, description="a bearer token for the addresses that are named beside it"
    )
    account: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_]{1,40}$", description="the id of an account, acc_…"
    )
    registry_url: ServiceUrl = _url_field("registry")
    relay_url: ServiceUrl = _url_field("relay")
    projection_url: ServiceUrl = _url_field("projection")
    gatekeeper_url: ServiceUrl = _url_field("gatekeeper")
    shipper_url: ServiceUrl = _url_field("shipper")
    audit_url: ServiceUrl = _url_field("audit")
    postgres_dsn: PostgresDsn | None = Field(
        None,
        description="an address such as postgresql://user:password@host/database?sslmode=verify-full&sslrootcert=/path/of/ca.pem",
    )
    first_port: int | None = Field(
        None,
        ge=1,
        le=FIRST_PORT_MAX,
        description=f"the first of the ports that a local stack listens on: 1 to {FIRST_PORT_MAX}",
    )

    def url(self, service: str) -> str | None:
        """Return a service's address, None if the environment does not name it."""
        url: str | None = getattr(self, f"{service}_url")
        return url


class GatekeeperPorts(ServiceSettings):
    """The settings that `keyfold gatekeeper` itself needs; its processes read the whole environment."""

    authz_port: int | None = Field(
        None, ge=0, le=PORT_MAX, description="the one TCP port where gateways ask all of the processes"
    )


def variable(name: str) -> str:
    """Return the environment variable of a setting: `KEYFOLD_REGISTRY_URL` for `registry_url`."""
    return PREFIX + name.upper()
