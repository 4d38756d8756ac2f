"""A gatekeeper as benches run it, a gateway's questions, and a gatekeeper with a crowd of keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from keyfold.local.process.child import ProcessSpec
from keyfold.local.process.ports import HOST, free_ports
from keyfold.local.service_specs import SERVICES, Wiring, service_command
from keyfold.local.signing import LocalSigner
from keyfold.local.stack import ROUTE_MAP
from keyfold.local.state import StateDir
from tests.bench.contest import CannotRun
from tests.bench.ground import Ground
from tests.bench.load.crowd import gather
from tests.bench.load.wrk import script_around
from tests.bench.sides.practices import Practices
from tests.bench.surroundings import cores
from tests.support.seals import write_keys
from tests.support.state_secret import write_state_secret

SPECS = {spec.name: spec for spec in SERVICES}
_SECRET = "\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A gateway's questions, as headers."""

    token: str
    world: Practices

    def headers(self, number: int, secret: str | None = None) -> Mapping[str, str]:
        """Return the headers of one request, as Caddy sends them; with another key than the practice's own
        if its secret is given.
        """
        return {
            "Host": "practice.example",
            "User-Agent": "Reminders/2.1",
            "Accept": "application/json",
            "X-Forwarded-For": f"203.0.113.{number % 250}",
            "X-Forwarded-Host": "practice.example",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Uri": f"/v1/patient/{number}?fields=name",
            "X-Gateway-Token": self.token,
            "x-api-key": self.world.vendor_key.secret,
            "A-api-key": secret or self.world.subscriber_keys[number].secret,
        }

    def request(self, number: int, secret: str | None = None) -> str:
        """Return the same request as bytes on the wire."""
        lines = (f"{name}: {value}\r\n" for name, value in self.headers(number, secret).items())
        return f"GET /authz HTTP/1.1\r\n{''.join(lines)}\r\n"

    def in_turn(self) -> list[str]:
        """Return a request for every practice."""
        return [self.request(number) for number in range(len(self.world.subscriber_keys))]

    def script(self, directory: Path, keys: int) -> Path:
        """Return a script for wrk that asks with so many keys in turn: too many to write each request out."""
        secrets = directory / f"secrets-{keys}"
        secrets.write_text("".join(f"{key.secret}\n" for key in self.world.subscriber_keys[:keys]))
        script_path = directory / f"requests-{keys}.lua"
        script_path.write_text(script_around(secrets, *self.request(7, _SECRET).split(_SECRET)))
        return script_path


async def wired(ground: Ground, directory: Path, own_port: int = 0) -> tuple[Wiring, str]:
    """Return a gatekeeper's wiring, with a database of its own, and the gateway's token."""
    state, signer = StateDir(directory), LocalSigner(directory)
    signer.prepare()
    token = state.gateway_token()
    wiring = Wiring(
        postgres_dsns=dict.fromkeys(SPECS, await ground.database()),
        kafka_of=dict.fromkeys(SPECS, await ground.kafka()),
        jwks=signer.jwks_path,
        route_map=ROUTE_MAP,
        gateways=state.gateways,
        journal_dir=state.journal,
        log_dir=directory,
        state_secret=write_state_secret(directory),
        audit_secret=state.audit_secret(),
        idempotency_secret=state.idempotency_secret(),
        keys_dir=write_keys(state.path),
        authz_port=own_port,
    )
    return wiring, token


def command_with(wiring: Wiring, port: int, settings: Mapping[str, str]) -> ProcessSpec:
    """Return the command that starts the gatekeeper, with some settings of its own."""
    command = service_command(SPECS["gatekeeper"], wiring, port)
    changed = {f"KEYFOLD_{name}": value for name, value in settings.items()}
    return replace(command, env={**command.env, **changed})


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowded:
    """A gatekeeper that can be started, its address, and the script for this many keys in turn."""

    wiring: Wiring
    script_paths: Mapping[int, Path]
    port: int
    own_port: int

    @property
    def url(self) -> str:
        """The address where gateways ask it."""
        return authz_url(self.own_port)

    @property
    def command(self) -> ProcessSpec:
        """The command that starts it."""
        return command_with(self.wiring, self.port, {"AUTHZ_PORT": str(self.own_port)})

    def elsewhere(self) -> Crowded:
        """Return another one like it, on its own ports."""
        port, own_port = free_ports(2)
        return replace(self, port=port, own_port=own_port)


async def crowded(ground: Ground, world: Practices, keys: int, *asked: int) -> Crowded:
    """Make what a gatekeeper with this many keys needs, and the scripts that ask for the practices' keys."""
    directory = ground.directory_of("gatekeeper")
    wiring, token = await wired(ground, directory)
    await gather(wiring.postgres_dsns["gatekeeper"], world, keys)
    asking = Asking(token=token, world=world)
    scripts = {count: asking.script(directory, count) for count in asked}
    port, own_port = free_ports(2)
    return Crowded(wiring=wiring, script_paths=scripts, port=port, own_port=own_port)


def authz_url(port: int) -> str:
    """Return the address where gateways ask at a port."""
    return f"http://{HOST}:{port}/authz"


def cpu_s(pid: int) -> float:
    """Return a process's CPU seconds since it started."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def memory_mb(pid: int) -> float:
    """Return a process's resident set, in units of 10^6 bytes."""
    return psutil.Process(pid).memory_info().rss / 1e6


def two_cores() -> tuple[int, int]:
    """Return one core for servers and one for the load. Raises CannotRun."""
    available = cores()
    if len(available) < 2:
        raise CannotRun("it needs two cores, one for the server and one for the load")
    return available[0], available[-1]
