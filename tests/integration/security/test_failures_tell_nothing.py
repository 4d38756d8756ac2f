"""Services that cannot start say why, and nothing of the secrets that they were given."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.process.fork_server import ForkServer
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.runtime.settings.kafka import KafkaAccess
from tests.support.settings.services import SERVICES, good, variables
from tests.support.stack.canaries import forms

DATABASE, BROKER = "Wq7nXv2LdKt9RzPb4sYc", "Hm3cJf8TgVa5NyQe6uRx"
SEALS, SESSIONS = "Bd5kZw9PqLm2XsCv7nTg4RhYf6" * 2, "Ej8rUa3MtNx6WoDb1yKp5GzQs9" * 2
MODES: Mapping[str, Mapping[str, str]] = {
    "refused": {},
    "away": {
        "POSTGRES_DSN": f"postgresql://keyfold:{DATABASE}@127.0.0.1:1/keyfold?sslmode=disable",
        "KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "JWKS": "https://127.0.0.1:1/jwks.json",
    },
    "mistaken": {
        "POSTGRES_DSN": f"postgresql://keyfold:p@{DATABASE}/x@127.0.0.1/keyfold",
        "IDEMPOTENCY_SECRET": DATABASE,
        "SESSION_SECRET": BROKER,
        "KAFKA_PASSWORD": f" {BROKER}",
        "JWKS": f"https://me:{DATABASE}@127.0.0.1:1/jwks.json",
        "REGISTRY_URL": f"http://me:{BROKER}@registry:8080",
        "OIDC_ISSUER": f"https://me:{BROKER}@issuer.test",
        "JWT_ROLES": f'{{"{DATABASE}": ',
        "LOG_LEVEL": BROKER,
    },
}


@pytest.mark.parametrize("mode", MODES)
async def test_a_start_that_fails(
    postgres_server: LocalPostgres,
    kafka_access: KafkaAccess,
    fork_server: ForkServer,
    tmp_path: Path,
    mode: str,
) -> None:
    """Every service ends with a fault that names the setting or the server; no secret is in what it says,
    whether servers refuse its passwords, are away, or are written wrongly."""
    port = urlsplit(postgres_server.dsn).port
    given = {
        "POSTGRES_DSN": f"postgresql://keyfold:{DATABASE}@127.0.0.1:{port}/keyfold?sslmode=disable",
        "KAFKA_BOOTSTRAP": kafka_access.bootstrap,
        "KAFKA_SECURITY_PROTOCOL": kafka_access.protocol,
        "KAFKA_SASL_MECHANISM": kafka_access.mechanism,
        "KAFKA_USERNAME": "registry",
        "KAFKA_PASSWORD": BROKER,
        "IDEMPOTENCY_SECRET": SEALS,
        "SESSION_SECRET": SESSIONS,
        "STARTUP_TIMEOUT_S": "1",
        "HTTP_PORT": "0",
        "LOG_LEVEL": "debug",
        **MODES[mode],
    }
    environment = {**good(tmp_path), **{f"KEYFOLD_{name}": value for name, value in given.items()}}
    # A console needs no server to start, so only what is written wrongly ends it.
    names = [name for name in SERVICES if name != "console" or mode == "mistaken"]
    said = dict(
        zip(
            names,
            await asyncio.gather(*(run(name, environment, tmp_path, fork_server) for name in names)),
            strict=True,
        )
    )
    assert {name for name, text in said.items() if not text} == set()
    secrets = [form for secret in (DATABASE, BROKER, SEALS, SESSIONS) for form in forms(secret)]
    assert {name: text for name, text in said.items() if any(form in text for form in secrets)} == {}


async def run(name: str, given: Mapping[str, str], directory: Path, fork_server: ForkServer) -> str:
    """Run a service until it ends with a fault; return all that it wrote."""
    known = variables(SERVICES[name])
    command = ProcessSpec(
        name=name,
        argv=[sys.executable, "-m", f"keyfold.{name}"],
        log_path=directory / f"{name}.log",
        env={key: value for key, value in given.items() if key in known},
        fork_server=fork_server,
    )
    child = await Child.spawn(command)
    async with asyncio.timeout(60):
        status = await child.wait()
    written = (directory / f"{name}.log").read_text()
    assert status in {1, 2}, written
    return written
