"""Both sides of the gateways: gatekeepers in every condition, and an API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from keyfold.domain.rate_limit import RateLimit
from keyfold.local.process.ports import free_ports
from keyfold.wire.keys.format import KeyKind, mint
from tests.support.eventually import eventually
from tests.support.gatekeeper.practice import BOTH, VENDOR, mint_key, practice, subscriber_key, vendor_key
from tests.support.gatekeeper.world import Gatekeeper, World
from tests.support.gateways.running import KINDS, Gateway, Name, Site, start, token_of
from tests.support.gateways.switchboard import Switchboard, switchboard_running
from tests.support.gateways.upstream import Upstream, upstream_running

# Nothing else has any part of their secrets, so that they can be searched for.
CANARY_VENDOR_KEY: Final = mint(KeyKind.VENDOR, f"{32:012}", sha256(b"a vendor key").digest())
CANARY_KEY: Final = mint(KeyKind.SUBSCRIBER, f"{33:012}", sha256(b"a subscriber key").digest())
LIMITED_KEY: Final = mint_key(KeyKind.SUBSCRIBER, 31)
ONE_AN_HOUR: Final = RateLimit(requests=1, per_s=3600, burst=1)
JOURNAL_BYTES_MAX: Final = 1 << 20
NOBODY: Final = "postgresql://nobody@127.0.0.1:1/nowhere"


@dataclass(frozen=True, slots=True)
class Gatekeepers:
    """Gatekeepers by their condition."""

    well: Gatekeeper
    stale: Gatekeeper
    full: Gatekeeper
    strange: Gatekeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that a gateway deals with. Gateways ask at the switchboard's addresses."""

    world: World
    gatekeepers: Gatekeepers
    switchboard: Switchboard
    upstream: Upstream

    async def set_right(self) -> None:
        """Put the healthy gatekeeper behind both addresses."""
        await self.switchboard.connect(self.gatekeepers.well.authz_port)

    @asynccontextmanager
    async def gateway(
        self,
        name: Name,
        directory: Path,
        *,
        authz: list[int] | None = None,
        cors_origin: str | None = None,
        upstream: int | None = None,
        is_talkative: bool = False,
    ) -> AsyncIterator[Gateway]:
        """Run a gateway that asks at the switchboard, or at the caller's ports, for this API or another."""
        site = Site(
            directory=directory / name,
            token=token_of(name),
            authz=authz or self.switchboard.ports,
            upstream=upstream or self.upstream.port,
            cors_origin=cors_origin,
            is_talkative=is_talkative,
        )
        gateway = await start(name, site)
        try:
            yield gateway
        finally:
            await gateway.child.stop()


@asynccontextmanager
async def scene_in(world: World) -> AsyncIterator[Scene]:
    """Yield the scene of a practice in which nothing changes."""
    await world.append(
        *practice(),
        subscriber_key(LIMITED_KEY, rate_limit=ONE_AN_HOUR),
        vendor_key(CANARY_VENDOR_KEY, VENDOR),
        subscriber_key(CANARY_KEY),
    )
    await world.project()
    async with AsyncExitStack() as stack:
        yield Scene(
            world=world,
            gatekeepers=await _gatekeepers(world, stack),
            switchboard=await stack.enter_async_context(switchboard_running()),
            upstream=await stack.enter_async_context(upstream_running()),
        )


def known_gateways(world: World, names: tuple[Name, ...] = tuple(KINDS)) -> str:
    """Write a gateways file that knows these gateways, and return its path."""
    path = world.directory / f"gateways-{len(names)}.json"
    entries = [
        {"name": name, "kind": KINDS[name], "token_sha256": sha256(token_of(name).encode()).hexdigest()}
        for name in names
    ]
    path.write_text(json.dumps(entries or [{"name": "another", "token_sha256": "0" * 64}]))
    return str(path)


async def _gatekeepers(world: World, stack: AsyncExitStack) -> Gatekeepers:
    gateways, journal = known_gateways(world), world.directory / "full-journal"
    (journal / "ballast").mkdir(parents=True)
    (journal / "ballast" / "ballast").write_bytes(bytes(JOURNAL_BYTES_MAX))
    full = {"JOURNAL_DIR": str(journal), "JOURNAL_BYTES_MAX": str(JOURNAL_BYTES_MAX)}
    stale = {"POSTGRES_DSN": NOBODY, "STARTUP_TIMEOUT_S": "600"}
    starting = (
        world.gatekeeper(GATEWAYS=gateways),
        world.gatekeeper(is_ready=False, GATEWAYS=gateways, **stale),
        world.gatekeeper(is_ready=False, GATEWAYS=gateways, **full),
        world.gatekeeper(GATEWAYS=known_gateways(world, ())),
    )
    started = Gatekeepers(*await asyncio.gather(*map(stack.enter_async_context, starting)))
    await _is_full(started.full)
    return started


async def _is_full(gatekeeper: Gatekeeper) -> None:
    # The journal is measured once a second, and that one is full is known only then.
    told = {"X-Original-Method": "GET", "X-Original-URI": "/v1/patient", **BOTH}

    async def is_full() -> bool:
        answer = await gatekeeper.ask("GET", "/v1/patient", told, token=token_of("nginx"))
        return answer.reason == "journal_unavailable"

    await eventually(is_full)


@asynccontextmanager
async def two_gatekeepers(world: World) -> AsyncIterator[list[dict[str, str]]]:
    """Yield the settings of two gatekeepers whose ports stay the same from one run of each to the next."""
    ports = free_ports(4)
    gateways = known_gateways(world)
    yield [
        {"GATEWAYS": gateways, "HTTP_PORT": str(http), "AUTHZ_PORT": str(authz)}
        for http, authz in (ports[:2], ports[2:])
    ]
