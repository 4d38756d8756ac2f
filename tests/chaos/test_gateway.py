"""`kill -9` of the gatekeeper behind a real gateway."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import aiohttp
import pytest

from keyfold.local.process.ports import HOST, free_ports
from keyfold.local.sample.record import Sample
from keyfold.local.servers.caddy import CADDYFILE, CaddySpec, start_caddy
from keyfold.local.stack import GATEWAYS
from tests.support.chaos.aftermath import Aftermath
from tests.support.chaos.owner import open_session
from tests.support.chaos.stack import ChaosStack
from tests.support.eventually import eventually
from tests.support.local.raw_http import RawServer, answer, serving

CALLERS = 4
REQUESTS_PER_S = 80
FLOWS_WITHIN_S = 60.0
ALLOWED = (
    "select event_id::text from access_log.events where reason is null and path like '/v1/patient/caddy-%'"
)


@pytest.mark.timeout(180)
async def test_without_a_gatekeeper_the_gateway_lets_nothing_pass(
    stack: ChaosStack, sample: Sample, aftermath: Aftermath, tmp_path: Path
) -> None:
    """Every request that reaches the API while the gatekeeper dies and restarts has a row in the log."""
    statuses: Counter[int] = Counter()

    async def passes(requests: int) -> None:
        goal = statuses[200] + requests

        async def is_reached() -> bool:
            return statuses[200] >= goal

        await eventually(is_reached, within_s=FLOWS_WITHIN_S)

    async with caddy(stack, tmp_path) as (url, upstream), calling(url, sample, statuses):
        await passes(50)
        await stack.kill("gatekeeper")
        await passes(50)

    reached = [each.values("x-keyfold-decision") for each in upstream.seen]
    await aftermath.all_filed()
    logged = {row["event_id"] for row in await aftermath.pool.fetch(ALLOWED)}
    assert len(reached) == statuses[200] >= 100
    assert [each for each in reached if len(each) != 1 or each[0] not in logged] == []
    assert len({each[0] for each in reached}) == len(reached)
    assert statuses[502] > 0
    assert statuses.keys() <= {200, 502, 503, 504}


@asynccontextmanager
async def caddy(stack: ChaosStack, directory: Path) -> AsyncIterator[tuple[str, RawServer]]:
    """Run Caddy before an API that remembers what reached it."""
    (port,) = free_ports(1)
    async with serving(answer("200 OK")) as upstream:
        gateway = CaddySpec(
            port=port,
            authz=f"{HOST}:{stack.authz_port}",
            upstream=f"{HOST}:{upstream.port}",
            token=stack.token,
        )
        child = await start_caddy(
            gateway, caddyfile=GATEWAYS / CADDYFILE, state_dir=directory, log_path=directory / "caddy.log"
        )
        try:
            yield f"http://{HOST}:{port}", upstream
        finally:
            await child.stop()


@asynccontextmanager
async def calling(url: str, sample: Sample, statuses: Counter[int]) -> AsyncIterator[None]:
    """Send requests for the length of the block and count what comes back."""
    over, numbers = asyncio.Event(), count(1)
    keys = {"x-api-key": sample.vendor_secret, "A-api-key": sample.key_secret}

    async def call(session: aiohttp.ClientSession) -> None:
        while not over.is_set():
            async with session.get(f"{url}/v1/patient/caddy-{next(numbers)}", headers=keys) as response:
                await response.read()
                statuses[response.status] += 1
            await asyncio.sleep(CALLERS / REQUESTS_PER_S)

    async with open_session() as session:
        callers = [asyncio.create_task(call(session), name="caller") for _ in range(CALLERS)]
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*callers)
