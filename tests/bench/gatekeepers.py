"""Gatekeepers that hold a crowd of keys, as benches run them, and what they are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from services.cli.local.ports import HOST, free_ports
from services.cli.local.process import Command
from services.cli.local.roster import SERVICES, Wiring, service_command
from services.cli.local.signing import LocalSigner
from services.cli.local.stack import ROUTE_MAP
from services.cli.local.state import StateDir
from tests.bench.crowd import gather
from tests.bench.ground import Ground
from tests.bench.practices import Practices
from tests.bench.wrk import script_around

GATEKEEPER = next(spec for spec in SERVICES if spec.name == "gatekeeper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowded:
    """A gatekeeper that can be started, where it will be asked, and the script for so many keys in turn."""

    command: Command
    port: int
    url: str
    script_paths: Mapping[int, Path]
    dsn: str
    bootstrap: str

    def elsewhere(self) -> Crowded:
        """Return another one of the same, on ports of its own."""
        port, own_port = free_ports(2)
        ports = {"KEYFOLD_HTTP_PORT": str(port), "KEYFOLD_AUTHZ_PORT": str(own_port)}
        command = replace(self.command, env={**self.command.env, **ports})
        return replace(self, command=command, port=port, url=_url(own_port))


async def crowded(ground: Ground, world: Practices, keys: int, *asked: int) -> Crowded:
    """Make what a gatekeeper needs that holds so many keys, and the scripts that ask for the practices'."""
    directory = ground.directory_of("gatekeeper")
    dsn, bootstrap = await ground.database(), await ground.kafka()
    await gather(dsn, world, keys)
    here = Crowded(
        command=_command(StateDir(directory), dsn, bootstrap),
        port=0,
        url="",
        script_paths={
            count: _script(directory, StateDir(directory).gateway_token(), world, count) for count in asked
        },
        dsn=dsn,
        bootstrap=bootstrap,
    )
    return here.elsewhere()


def cpu_s(pid: int) -> float:
    """Return how long a process has had a core to itself since it started."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def memory_mb(pid: int) -> float:
    """Return how much of a process is in memory: its resident set, in units of 10^6 bytes."""
    return psutil.Process(pid).memory_info().rss / 1e6


def _url(port: int) -> str:
    return f"http://{HOST}:{port}/authz"


def _command(state: StateDir, dsn: str, bootstrap: str) -> Command:
    LocalSigner(state.path).prepare()
    state.gateway_token()
    wiring = Wiring(
        postgres_dsns={GATEKEEPER.name: dsn},
        kafka_bootstrap=bootstrap,
        jwks=LocalSigner(state.path).jwks_path,
        route_map=ROUTE_MAP,
        gateways=state.gateways,
        journal_dir=state.journal,
        log_dir=state.path,
        idempotency_secret=state.idempotency_secret(),
    )
    return service_command(GATEKEEPER, wiring, 0)


def _script(directory: Path, token: str, world: Practices, count: int) -> Path:
    secrets = directory / f"secrets-{count}"
    secrets.write_text("".join(f"{key.secret}\n" for key in world.subscriber_keys[:count]))
    headers = {
        "Host": "practice.example",
        "User-Agent": "Reminders/2.1",
        "Accept": "application/json",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Host": "practice.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Uri": "/v1/patient/7?fields=name",
        "X-Gateway-Token": token,
        "x-api-key": world.vendor_key.secret,
    }
    before = "GET /authz HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    script_path = directory / f"requests-{count}.lua"
    script_path.write_text(script_around(secrets, f"{before}A-api-key: ", "\r\n\r\n"))
    return script_path
