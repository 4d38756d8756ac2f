"""The services of a local stack as data: which settings each gets, and in which order they stop."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from keyfold.local.process.child import Forks, ProcessSpec
from keyfold.local.process.ports import HOST
from keyfold.local.signing import AUDIENCE, ISSUER
from keyfold.local.signing_keys import CHECKPOINT_KEY, SEAL_KEY
from keyfold.runtime.settings.kafka import SETTING_NAMES, KafkaAccess

DRAIN_TIMEOUT_S = 2
STOP_TIMEOUT_S = 4.0

POSTGRES = ("POSTGRES_DSN",)
KAFKA = SETTING_NAMES
AUTH = ("JWKS", "JWT_ISSUER", "JWT_AUDIENCE")
JOURNAL = ("JOURNAL_DIR",)
COMMANDS = ("IDEMPOTENCY_SECRET",)
STATE = ("STATE_SECRET",)
AUDIT = ("AUDIT_SECRET",)
CHECKPOINTS = ("CHECKPOINT_KEY", "CHECKPOINT_FILE")
SEALS = ("SEAL_KEY",)
SEALED = ("SEAL_PUBLIC_KEYS",)
GATES = ("ROUTE_MAP", "GATEWAYS", "AUTHZ_PORT")
PAGES = ("CONSOLE_URL", "SESSION_SECRET", "LOCAL_PEOPLE", "API_URL")
OTHERS = ("REGISTRY_URL", "AUDIT_URL", "GATEKEEPER_URL", "RELAY_URL", "PROJECTION_URL", "SHIPPER_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A service: its package, its settings, and its rank, where higher ranks are stopped first."""

    name: str
    settings: Sequence[str]
    rank: int = 1

    @property
    def logs_in(self) -> bool:
        """Whether it has a PostgreSQL login."""
        return POSTGRES[0] in self.settings


# The gatekeeper stops before the shipper, so that its last decisions are shipped.
SERVICES = (
    ServiceSpec(name="registry", settings=(*POSTGRES, *AUTH, *COMMANDS, *SEALS, *CHECKPOINTS)),
    ServiceSpec(name="relay", settings=(*POSTGRES, *KAFKA)),
    ServiceSpec(name="projection", settings=(*POSTGRES, *KAFKA, *STATE, *SEALED)),
    ServiceSpec(
        name="gatekeeper", settings=(*POSTGRES, *KAFKA, *STATE, *SEALED, *AUTH, *JOURNAL, *GATES), rank=2
    ),
    ServiceSpec(name="shipper", settings=(*KAFKA, *JOURNAL)),
    ServiceSpec(name="audit", settings=(*POSTGRES, *KAFKA, *AUTH, *AUDIT)),
)
# It has pages instead of an HTTP API with a description.
CONSOLE = ServiceSpec(name="console", settings=(*PAGES, *OTHERS), rank=3)
SERVICE_SPECS = (*SERVICES, CONSOLE)
MODULES = (*(f"keyfold.{spec.name}.__main__" for spec in SERVICE_SPECS), "keyfold.local.sample.api")
"""What a fork server imports before it forks any of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Where everything is that a service may need; an `authz_port` of 0 means any free port.

    `postgres_dsns` and `kafka_of` are by service, as each has its own logins.
    """

    postgres_dsns: Mapping[str, str] = field(repr=False)
    kafka_of: Mapping[str, KafkaAccess]
    jwks: Path
    route_map: Path
    gateways: Path
    journal_dir: Path
    log_dir: Path
    state_secret: Path
    audit_secret: Path
    idempotency_secret: str = field(repr=False)
    authz_port: int = 0
    keys_dir: Path | None = None
    checkpoint_file: Path | None = None
    session_secret: str = field(default="", repr=False)
    local_people: Path | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    fork_server: Forks | None = None

    def settings(self, service: str) -> Mapping[str, str]:
        """Return a service's settings by their names, without the prefix."""
        return {
            "POSTGRES_DSN": self.postgres_dsns.get(service, ""),
            **dict.fromkeys(KAFKA, ""),
            **(self.kafka_of[service].settings() if service in self.kafka_of else {}),
            "JWKS": str(self.jwks),
            "JWT_ISSUER": ISSUER,
            "JWT_AUDIENCE": AUDIENCE,
            "ROUTE_MAP": str(self.route_map),
            "GATEWAYS": str(self.gateways),
            "JOURNAL_DIR": str(self.journal_dir),
            "STATE_SECRET": str(self.state_secret),
            "AUDIT_SECRET": str(self.audit_secret),
            "IDEMPOTENCY_SECRET": self.idempotency_secret,
            **self._keys(),
            "CHECKPOINT_FILE": str(self.checkpoint_file or ""),
            "AUTHZ_PORT": str(self.authz_port),
            "SESSION_SECRET": self.session_secret,
            "LOCAL_PEOPLE": str(self.local_people or ""),
            "CONSOLE_URL": self.urls.get("console", ""),
            "API_URL": self.urls.get("gateway", ""),
            **{name: self.urls.get(name.removesuffix("_URL").lower(), "") for name in OTHERS},
        }

    def _keys(self) -> Mapping[str, str]:
        if self.keys_dir is None:
            return dict.fromkeys(("CHECKPOINT_KEY", "SEAL_KEY", "SEAL_PUBLIC_KEYS"), "")
        return {
            # Checkpoints are for who names a file for them.
            "CHECKPOINT_KEY": str(CHECKPOINT_KEY.private(self.keys_dir)) if self.checkpoint_file else "",
            "SEAL_KEY": str(SEAL_KEY.private(self.keys_dir)),
            "SEAL_PUBLIC_KEYS": str(SEAL_KEY.public(self.keys_dir)),
        }


def service_command(spec: ServiceSpec, wiring: Wiring, port: int) -> ProcessSpec:
    """Return the command that starts a service as in production: with its environment alone."""
    known = wiring.settings(spec.name)
    given = {name: known[name] for name in spec.settings if known[name]}
    own = {"HTTP_HOST": HOST, "HTTP_PORT": str(port), "DRAIN_TIMEOUT_S": str(DRAIN_TIMEOUT_S)}
    return ProcessSpec(
        name=spec.name,
        argv=[sys.executable, "-m", f"keyfold.{spec.name}"],
        env={f"KEYFOLD_{name}": value for name, value in (given | own).items()},
        log_path=wiring.log_dir / f"{spec.name}.log",
        stop_timeout_s=STOP_TIMEOUT_S,
        fork_server=wiring.fork_server,
        ports=(port, wiring.authz_port) if "AUTHZ_PORT" in given and wiring.authz_port else (port,),
    )
