"""What an operator sets for a gatekeeper."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from libs.runtime.settings import (
    AuthSettings,
    KafkaSettings,
    PostgresSettings,
    RateLimitSettings,
    ServiceSettings,
)

MIB = 1024 * 1024
GIB = 1024 * MIB

ClientIpKept = Literal["full", "network", "none"]


class GatekeeperSettings(ServiceSettings, PostgresSettings, KafkaSettings, AuthSettings, RateLimitSettings):
    """The environment of one gatekeeper process."""

    authz_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="a TCP port where gateways ask, beside the service's own port, or 0 for any free one",
    )
    route_map: Path = Field(description="the path of a route map such as deploy/routes/practice-api.routes")
    gateways: Path = Field(description="the path of the JSON file that lists the gateways")
    vendor_key_header: str = Field(
        "x-api-key", pattern=r"^[A-Za-z0-9-]{1,64}$", description="the name of a header"
    )
    subscriber_key_header: str = Field(
        "A-api-key", pattern=r"^[A-Za-z0-9-]{1,64}$", description="the name of a header"
    )
    client_ip: ClientIpKept = Field(
        "full", description="what is kept of a client's address: full, network (/24 or /48), or none"
    )
    staleness_max_s: float = Field(
        60,
        ge=0,
        le=3600,
        description="for how long decisions go on without proof of hearing the ledger: up to 3600 seconds,"
        " or 0 to go on without any, when a revocation is never confirmed while a gatekeeper is silent",
    )
    journal_dir: Path = Field(description="a directory on a local disk, shared with this host's shipper")
    journal_segment_bytes: int = Field(
        64 * MIB, ge=4096, le=GIB, description="the size at which a journal file is closed: 4096 to 1 GiB"
    )
    journal_bytes_max: int = Field(
        4 * GIB, ge=MIB, description="how much the journal may hold before requests are refused, in bytes"
    )
