"""The parts of Keyfold that have settings, and an environment that each of them can work in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic_settings import BaseSettings

from keyfold.audit.settings import AuditSettings
from keyfold.client.settings import CommandSettings
from keyfold.console.settings import ConsoleSettings
from keyfold.gatekeeper.settings import GatekeeperSettings
from keyfold.local.signing import LocalSigner
from keyfold.projection.settings import ProjectionSettings
from keyfold.registry.settings import RegistrySettings
from keyfold.relay.settings import RelaySettings
from keyfold.runtime.settings.base import PREFIX, ServiceSettings
from keyfold.shipper.settings import ShipperSettings
from tests.support.certificates import Authority
from tests.support.seals import write_trusted
from tests.support.state_secret import write_state_secret

SERVICES: Final[Mapping[str, type[ServiceSettings]]] = {
    "audit": AuditSettings,
    "console": ConsoleSettings,
    "gatekeeper": GatekeeperSettings,
    "projection": ProjectionSettings,
    "registry": RegistrySettings,
    "relay": RelaySettings,
    "shipper": ShipperSettings,
}
EVERY_PART: Final[Mapping[str, type[BaseSettings]]] = {**SERVICES, "keyfold": CommandSettings}
PASSWORD: Final = "hunter2"
SECRET: Final = "s3cret-" * 5


def variables(settings: type[BaseSettings]) -> set[str]:
    """Return the variables that settings are read from."""
    return {PREFIX + name.upper() for name in settings.model_fields}


def good(directory: Path) -> dict[str, str]:
    """Return what every service needs; its files are in the directory."""
    LocalSigner(directory).prepare()
    (directory / "some.routes").write_text("/v1/patient/** patient\n")
    token = hashlib.sha256(b"token").hexdigest()
    (directory / "gateways.json").write_bytes(orjson.dumps([{"name": "caddy", "token_sha256": token}]))
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "checkpoint-key.pem").write_bytes(key)
    (directory / "seal-key.pem").write_bytes(key)
    authority = Authority(directory)
    given = {
        "POSTGRES_DSN": f"postgresql://keyfold:{PASSWORD}@localhost:5432/keyfold",
        "KAFKA_BOOTSTRAP": "kafka:9092",
        "KAFKA_CA": str(authority.path),
        "KAFKA_USERNAME": "keyfold",
        "KAFKA_PASSWORD": PASSWORD,
        "STATE_SECRET": str(write_state_secret(directory)),
        "AUDIT_SECRET": str(write_state_secret(directory)),
        "JWKS": str(directory / "jwks.json"),
        "JWT_ISSUER": "https://issuer.test",
        "JWT_AUDIENCE": "keyfold",
        "IDEMPOTENCY_SECRET": SECRET,
        "ROUTE_MAP": str(directory / "some.routes"),
        "SEAL_KEY": str(directory / "seal-key.pem"),
        "SEAL_PUBLIC_KEYS": str(write_trusted(directory)),
        "GATEWAYS": str(directory / "gateways.json"),
        "JOURNAL_DIR": str(directory / "journal"),
        "CONSOLE_URL": "https://console.test",
        "SESSION_SECRET": f"{SECRET},{SECRET}",
        "REGISTRY_URL": "http://registry:8080",
        "AUDIT_URL": "http://audit:8080",
        "GATEKEEPER_URL": "http://gatekeeper:8080",
        "OIDC_ISSUER": "https://issuer.test",
        "OIDC_CLIENT_ID": "console",
    }
    return {PREFIX + name: value for name, value in given.items()}
