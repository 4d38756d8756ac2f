"""What an operator sets for a gatekeeper."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from keyfold.domain.rate_limit import RateLimit
from keyfold.gatekeeper.gateways import read_gateways
from keyfold.gatekeeper.route_map_file import read_route_map
from keyfold.runtime.settings.base import (
    AuthSettings,
    Directory,
    KeyHeaderSettings,
    PostgresSettings,
    RateLimitSettings,
    ServiceSettings,
    file_validator,
)
from keyfold.runtime.settings.kafka import KafkaSettings
from keyfold.runtime.settings.secret_files import StateSettings
from keyfold.wire.proof.seal import load_trusted_keys

MIB = 1024 * 1024
GIB = 1024 * MIB

ClientIpKept = Literal["full", "network", "none"]
PathsKept = Literal["full", "template"]
JournalSync = Literal["off", "interval", "always"]


def _default_limit(text: str) -> str:
    if text:
        RateLimit.parse(text)
    return text


class GatekeeperSettings(
    ServiceSettings,
    PostgresSettings,
    KafkaSettings,
    StateSettings,
    AuthSettings,
    RateLimitSettings,
    KeyHeaderSettings,
):
    """The environment of one gatekeeper process."""

    authz_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="a TCP port for gateways, beside the service's own port, or 0 for any free one",
    )
    authz_reuse_port: bool = Field(
        False, description="true if several gatekeeper processes of this host share KEYFOLD_AUTHZ_PORT"
    )
    authz_connections_max: int = Field(
        4096, ge=1, le=1_000_000, description="how many connections gateways may hold open, at most 1000000"
    )
    seal_public_keys: Annotated[Path, file_validator(load_trusted_keys)] = Field(
        description="the path of the registry's Ed25519 public keys as PEM, one after the other"
    )
    unsealed_accepted: bool = Field(
        False, description="true while you upgrade from a version without seals: until the first seal comes"
    )
    route_map: Annotated[Path, file_validator(read_route_map)] = Field(
        description="the path of a route map such as deploy/keyfold/routes/practice-api.routes"
    )
    shadow_route_map: Annotated[Path | None, file_validator(read_route_map)] = Field(
        None, description="the path of a new route map, which runs beside the other to report differences"
    )
    gateways: Annotated[Path, file_validator(read_gateways)] = Field(
        description="the path of the JSON file that lists the gateways"
    )
    client_ip: ClientIpKept = Field(
        "full", description="what is kept of a client's address: full, network (/24 or /48), or none"
    )
    paths: PathsKept = Field(
        "full", description="what is kept of a path: full, or template, the pattern of its route"
    )
    flood_per_s: int = Field(
        20,
        ge=1,
        le=1_000_000,
        description="how many requests a second that prove no key, from one network and for one reason, or"
        " that prove one dead key, each get an access event: 1 to 1000000; the others are counted in one",
    )
    staleness_max_s: float = Field(
        60,
        ge=0,
        le=3600,
        description="how long decisions go on without proof that the ledger is heard: up to 3600 seconds, or"
        " 0 to go on without proof; then no revocation is confirmed while a gatekeeper is silent",
    )
    rate_limit_default: Annotated[str, AfterValidator(_default_limit)] = Field(
        "",
        description="how often a key without a limit of its own may be used, as requests/seconds or"
        " requests/seconds:burst, such as 100/60 or 100/60:200, or empty for any number",
    )
    journal_dir: Directory = Field(description="a directory on a local disk, shared with this host's shipper")
    journal_segment_bytes: int = Field(
        64 * MIB, ge=4096, le=GIB, description="the size at which a journal file is closed: 4096 to 1 GiB"
    )
    journal_bytes_max: int = Field(
        4 * GIB, ge=MIB, description="how much the journal may hold before requests are refused, in bytes"
    )
    journal_sync: JournalSync = Field(
        "interval",
        description="when what is written is synced to the disk: off (when the system decides), interval"
        " (each second), or always (before the answer)",
    )
    journal_wait_max_s: float = Field(
        0.5,
        gt=0,
        le=60,
        description="how long an answer waits for the disk, up to 60 seconds: shorter than gateways wait for"
        " an answer",
    )

    @field_validator("authz_port")
    @classmethod
    def _is_another_port(cls, port: int | None, info: ValidationInfo) -> int | None:
        if port and port == info.data.get("http_port"):
            raise ValueError("it is KEYFOLD_HTTP_PORT too")
        return port

    @property
    def connections_wanted(self) -> tuple[int, ...]:
        """How many connections each port is to hold: the service's own, and the gateways' if there is one."""
        own = super().connections_wanted
        return own if self.authz_port is None else (*own, self.authz_connections_max)

    @property
    def default_rate_limit(self) -> RateLimit | None:
        """The limit of keys without one of their own; None for no limit."""
        return RateLimit.parse(self.rate_limit_default) if self.rate_limit_default else None
