"""`keyfold gatekeeper --processes N`: gatekeepers that share a port, start together and end together."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import psutil
import pytest

from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.process.ports import HOST, free_ports, is_free, listens
from keyfold.local.stack import answers_ready
from tests.support.eventually import eventually
from tests.support.gatekeeper.practice import BOTH, practice
from tests.support.gatekeeper.rows import read_rows
from tests.support.gatekeeper.world import CADDY_TOKEN, World, journal_records

PROCESSES = 2
ASKED = 40
QUESTION = {
    "X-Gateway-Token": CADDY_TOKEN,
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Uri": "/v1/patient/7",
    **BOTH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two gatekeepers and the command that runs them."""

    child: Child
    environment: Mapping[str, str]
    log_path: Path

    @property
    def ports(self) -> list[int]:
        """The service port of each."""
        first = int(self.environment["KEYFOLD_HTTP_PORT"])
        return list(range(first, first + PROCESSES))

    def processes(self) -> list[psutil.Process]:
        """Return the gatekeepers, the first one first."""
        return sorted(psutil.Process(self.child.pid).children(), key=lambda process: process.pid)

    async def ask(self) -> int:
        """Ask on a connection of its own, and return the status."""
        url = f"http://{HOST}:{self.environment['KEYFOLD_AUTHZ_PORT']}/authz"
        async with aiohttp.ClientSession() as session, session.get(url, headers=QUESTION) as answer:
            return answer.status

    async def policies(self) -> list[str]:
        """Return what each gatekeeper says of its policy."""
        async with aiohttp.ClientSession() as session:
            answers = [await session.get(f"http://{HOST}:{port}/readyz") for port in self.ports]
            return [(await answer.json())["facts"]["policy"] for answer in answers]

    async def ended(self) -> int:
        """Return the command's exit status when it has ended."""
        async with asyncio.timeout(20):
            return await self.child.wait()


@asynccontextmanager
async def pair_of(world: World, **settings: str) -> AsyncIterator[Pair]:
    """Run two gatekeepers of a practice, and yield them once both are ready."""
    await world.append(*practice())
    await world.project()
    environment = world.environment(HTTP_PORT=str(_first_of_two_free_ports()), **settings)
    log_path = world.directory / "gatekeepers.log"
    argv = [sys.executable, "-m", "keyfold.cli", "gatekeeper", "--processes", str(PROCESSES)]
    child = await Child.spawn(ProcessSpec(name="pair", argv=argv, env=environment, log_path=log_path))
    pair = Pair(child=child, environment=environment, log_path=log_path)
    try:
        for port in pair.ports:
            await child.ready(partial(answers_ready, port), timeout_s=30)
        yield pair
    finally:
        await child.stop()


def _first_of_two_free_ports() -> int:
    return next(port for port in iter(lambda: free_ports(1)[0], None) if is_free(port + 1))


async def are_gone(processes: list[psutil.Process]) -> bool:
    """Tell whether none of them runs any more."""
    return not any(process.is_running() for process in processes)


async def test_they_share_the_gateways_port(world: World) -> None:
    """Both answer on the port, as the kernel chooses, and each has its own lease and journal."""
    async with pair_of(world) as pair:
        statuses = await asyncio.gather(*(pair.ask() for _ in range(ASKED)))
        records = journal_records(Path(pair.environment["KEYFOLD_JOURNAL_DIR"]))
        assert statuses == [200] * ASKED
        assert len(records) == ASKED
        assert len({record.gatekeeper for record in records}) == PROCESSES
        assert len(await read_rows(world.dsn)) == PROCESSES


async def test_the_death_of_one_ends_all(world: World) -> None:
    """The command says which one died and how, stops the others, and fails for its supervisor."""
    async with pair_of(world) as pair:
        processes = pair.processes()
        processes[1].kill()
        assert await pair.ended() == 1
        assert "gatekeeper 2 of 2 ended with status -9" in pair.log_path.read_text()
        assert await are_gone(processes)
        assert not any([await listens(port) for port in pair.ports])


async def test_a_signal_drains_all(world: World) -> None:
    """After SIGTERM each gives up its lease in order, and the command succeeds."""
    async with pair_of(world) as pair:
        processes = pair.processes()
        psutil.Process(pair.child.pid).terminate()
        assert await pair.ended() == 0
        assert await are_gone(processes)
        assert await read_rows(world.dsn) == []
        assert pair.log_path.read_text().count("service_stopped") == PROCESSES


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
async def test_none_is_left_behind(world: World) -> None:
    """Even when the command is killed, its gatekeepers drain and end."""
    async with pair_of(world) as pair:
        processes = pair.processes()
        psutil.Process(pair.child.pid).kill()
        await eventually(lambda: are_gone(processes))
        assert await read_rows(world.dsn) == []


async def test_sighup_reads_the_policy_anew(world: World, tmp_path: Path) -> None:
    """Every process goes by changed files; once they are broken it goes on by what it has, and says so."""
    routes = tmp_path / "api.routes"
    routes.write_text("/v1/patient/** patient\n")
    async with pair_of(world, ROUTE_MAP=str(routes)) as pair:
        first, other = await pair.policies()
        digest = first.partition(" ")[0]
        assert other.startswith(f"{digest} since ")
        assert {await pair.ask() for _ in range(ASKED)} == {200}

        async def all_say(so: Callable[[str], bool]) -> bool:
            return all(map(so, await pair.policies()))

        routes.write_text("/v1/patient/** clinical\n")
        pair.child.send_signal(signal.SIGHUP)
        await eventually(lambda: all_say(lambda said: digest not in said))
        assert {await pair.ask() for _ in range(ASKED)} == {403}
        routes.write_text("/v1/patient/** teeth\n")
        pair.child.send_signal(signal.SIGHUP)
        await eventually(lambda: all_say(lambda said: "broken since" in said))
        assert {await pair.ask() for _ in range(ASKED)} == {403}
        assert "line 1: 'teeth' is no category" in pair.log_path.read_text()
        routes.write_text("/v1/patient/** patient\n")
        pair.child.send_signal(signal.SIGHUP)
        await eventually(lambda: all_say(lambda said: digest in said and "broken" not in said))
        assert {await pair.ask() for _ in range(ASKED)} == {200}
