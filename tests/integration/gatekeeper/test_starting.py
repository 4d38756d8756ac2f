"""How a gatekeeper starts, or reports why it cannot."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.process.ports import free_ports
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.migrations import pending_migrations
from tests.support.eventually import eventually
from tests.support.gatekeeper.world import World


async def refusal(world: World, **settings: str) -> tuple[int, str]:
    """Start a gatekeeper that cannot run; return its exit status and its log."""
    log_path = world.directory / "refused.log"
    child = await Child.spawn(
        ProcessSpec(
            name="gatekeeper",
            argv=[sys.executable, "-m", "keyfold.gatekeeper"],
            env=world.environment(**settings),
            log_path=log_path,
            fork_server=world.fork_server,
        )
    )
    async with asyncio.timeout(30):
        return await child.wait(), log_path.read_text()


async def test_a_broken_route_map_is_refused_with_its_lines(world: World, tmp_path: Path) -> None:
    """Each broken line is named, with its fault."""
    routes = tmp_path / "broken.routes"
    routes.write_text("/v1/patient patient\n/v1/note clinics\nv1/item financial\n")
    status, log = await refusal(world, ROUTE_MAP=str(routes))
    assert status != 0
    assert "line 2: 'clinics' is no category" in log
    assert "line 3: the pattern 'v1/item' does not start with /" in log


async def test_a_broken_gateways_file_is_refused(world: World, tmp_path: Path) -> None:
    """A gatekeeper does not start with a gateways file that lets nobody in."""
    gateways = tmp_path / "broken.json"
    gateways.write_text("[]")
    status, log = await refusal(world, GATEWAYS=str(gateways))
    assert status != 0
    assert "it lists no gateway" in log


async def test_every_bad_setting_is_told(world: World) -> None:
    """All bad settings are reported at once, by name."""
    status, log = await refusal(world, STALENESS_MAX_S="-1", CLIENT_IP="some", JOURNAL_BYTES_MAX="x")
    assert status == 2
    assert all(f"KEYFOLD_{name}" in log for name in ("STALENESS_MAX_S", "CLIENT_IP", "JOURNAL_BYTES_MAX"))


@pytest.mark.parametrize("missing", ["POSTGRES_DSN", "KAFKA_BOOTSTRAP"])
async def test_what_never_answers_is_waited_for_and_then_given_up(world: World, missing: str) -> None:
    """It says what it waits for, and ends non-zero when its time is up."""
    await world.project()
    (port,) = free_ports(1)
    nowhere = {"POSTGRES_DSN": f"postgresql://127.0.0.1:{port}/x", "KAFKA_BOOTSTRAP": f"127.0.0.1:{port}"}
    status, log = await refusal(world, STARTUP_TIMEOUT_S="1.5", **{missing: nowhere[missing]})
    assert status == 1
    assert '"event": "waiting"' in log or '"event":"waiting"' in log
    assert "gave up waiting for" in log


async def test_an_empty_database_is_waited_for(world: World, empty_database: str) -> None:
    """A gatekeeper that starts before the database is migrated answers, says what is missing, and waits."""
    async with world.gatekeeper(is_ready=False, POSTGRES_DSN=empty_database) as gatekeeper:

        async def says_so() -> bool:
            return "run `keyfold migrate`" in (world.directory / "gatekeeper.log").read_text()

        await eventually(says_so)
        answer = await gatekeeper.ask("GET", "/v1/patient")
        assert (answer.status, gatekeeper.child.running) == (401, True)
    async with open_pool(empty_database, application_name="test") as pool:
        assert "20261123_01_ledger" in await pending_migrations(pool)
