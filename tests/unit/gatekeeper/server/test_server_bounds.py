"""What the authz server owes over time: everything has an end, a bound, and a proper close."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keyfold.gatekeeper.authz.connection import PIPELINED_MAX
from keyfold.gatekeeper.authz.server import GRACE_S, LINGER_S, UNREAD_TIMEOUT_S
from keyfold.runtime.sharing.timeouts import DEFAULT_TIMEOUTS as TIMEOUTS
from tests.support.eventually import eventually
from tests.support.gatekeeper.server_bed import Bed, Client, Narrow, request, serve_in

ALLOWED, LAST = request(), request("Connection: close")
LITTLE_S = 0.1


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    """An authz server."""
    async with serve_in(tmp_path) as bed:
        yield bed


def half(sent: bytes) -> bytes:
    """Return the first half of some bytes."""
    return sent[: len(sent) // 2]


@pytest.mark.parametrize("first", [b"", ALLOWED])
async def test_a_head_that_takes_too_long_is_refused(bed: Bed, first: bytes) -> None:
    """The wait for the rest of a head is bounded, also if it began with the end of another question."""
    async with bed.client() as client:
        client.writer.write(first + half(ALLOWED))
        if first:
            assert (await client.answer()).status == 200
        await is_arriving(bed)
        bed.later(TIMEOUTS.head_s - LITTLE_S)
        bed.later(2 * LITTLE_S)
        refused = await client.answer()
        assert (refused.status, refused.is_last) == (408, True)
        assert await client.rest() == b""


async def test_to_send_a_byte_now_and_then_gains_no_time(bed: Bed) -> None:
    """The time for a head runs from its first byte, not from its last."""
    async with bed.client() as client:
        for byte in ALLOWED[:4]:
            client.writer.write(bytes([byte]))
            await is_arriving(bed)
            await asyncio.sleep(0)
            bed.later(TIMEOUTS.head_s / 3)
        assert (await client.answer()).status == 408


async def test_a_body_that_takes_too_long_ends_its_connection(bed: Bed) -> None:
    """A question is answered long before its body is complete, and the wait for the body is bounded."""
    async with bed.client() as client:
        assert (await client.ask(request("Content-Length: 5", method="POST"), b"abc")).status == 200
        bed.later(TIMEOUTS.head_s + LITTLE_S)
        assert await client.rest() == b""


async def is_arriving(bed: Bed) -> None:
    """Return when there is half a request."""

    async def is_so() -> bool:
        return any(each.is_arriving for each in bed.server.connections)

    await eventually(is_so)


async def test_an_idle_connection_is_kept_for_longer_than_gateways_do(bed: Bed) -> None:
    """The gateway closes an idle connection first; one that it forgets is closed here."""
    async with bed.client() as client, bed.client() as silent:
        assert (await client.ask(ALLOWED)).status == (await silent.ask(ALLOWED)).status == 200
        await bed.holds(2)
        bed.later(TIMEOUTS.idle_s - LITTLE_S)
        assert (await client.ask(ALLOWED)).status == 200
        bed.later(2 * LITTLE_S)
        assert await silent.rest() == b""
        assert (await client.ask(ALLOWED)).status == 200
        bed.later(TIMEOUTS.idle_s + LITTLE_S)
        assert await client.rest() == b""


async def test_who_does_not_close_is_cut_off(bed: Bed) -> None:
    """What comes after the last answer is discarded for a while, and then the connection closes."""
    async with bed.client() as client:
        assert (await client.ask(LAST)).is_last
        client.writer.write(ALLOWED)
        assert await client.rest() == b""
        bed.later(LINGER_S - LITTLE_S)
        await bed.holds(1)
        bed.later(2 * LITTLE_S)
        await bed.holds(0)
    assert len(bed.heart.records()) == 1


async def flood(bed: Bed, client: Client) -> int:
    """Ask and read nothing until the server asks for no more; return how many questions were sent."""
    padded, sent = request(f"Cookie: {'x' * 4000}"), 0

    async def is_unread() -> bool:
        nonlocal sent
        if any(each.is_unread for each in bed.server.connections):
            return True
        if client.writer.transport.get_write_buffer_size() == 0:
            client.writer.write(padded * 50)
            sent += 50
        return False

    await eventually(is_unread)
    return sent


async def test_who_does_not_read_is_asked_nothing_more(tmp_path: Path) -> None:
    """While answers wait for their reader no question is taken; once they are read, all are answered."""
    async with serve_in(tmp_path, kind=Narrow) as bed, bed.client(limit_bytes=2048) as client:
        sent = await flood(bed, client)
        client.writer.write(ALLOWED * PIPELINED_MAX)
        decided = len(bed.heart.records())
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(bed.heart.records()) == decided <= sent
        for _ in range(sent):
            assert (await client.answer()).status == 200
        assert (await client.answer()).status == 200


async def test_who_never_reads_is_cut_off(tmp_path: Path) -> None:
    """The time that answers wait for their reader is bounded."""
    async with serve_in(tmp_path, kind=Narrow) as bed, bed.client(limit_bytes=2048) as client:
        await flood(bed, client)
        bed.later(UNREAD_TIMEOUT_S - LITTLE_S)
        await bed.holds(1)
        bed.later(2 * LITTLE_S)
        await bed.holds(0)


async def test_a_gateway_is_not_displaced_by_strangers(tmp_path: Path) -> None:
    """However many connections strangers open, gateways keep theirs, and a new gateway is answered."""
    async with (
        serve_in(tmp_path, connections_max=8) as bed,
        bed.client() as gateway,
        AsyncExitStack() as crowd,
    ):
        assert (await gateway.ask(ALLOWED)).status == 200
        for _ in range(30):
            await crowd.enter_async_context(bed.client())
        async with bed.client() as another:
            assert (await another.ask(ALLOWED)).status == 200
            assert (await gateway.ask(ALLOWED)).status == 200
            assert len(bed.server.connections) <= 8


async def test_who_says_nothing_is_closed_soon(bed: Bed) -> None:
    """A connection on which nothing was ever asked is not kept for as long as a gateway's."""
    async with bed.client() as silent:
        await bed.holds(1)
        bed.later(TIMEOUTS.first_byte_s + LITTLE_S)
        assert await silent.rest() == b""


async def test_what_is_on_its_way_when_the_drain_begins_is_answered(bed: Bed) -> None:
    """Asked, half asked or about to be asked: answered, with the word that the connection ends. Pipelined
    questions are answered all, and an idle connection has a grace in which to ask."""
    async with bed.client() as asked, bed.client() as halfway, bed.client() as soon, bed.client() as idle:
        await bed.holds(4)
        bed.later(TIMEOUTS.first_byte_s / 2)
        halfway.writer.write(half(ALLOWED))
        await is_arriving(bed)
        asked.writer.write(ALLOWED * 3)
        bed.server.begin_to_drain()
        halfway.writer.write(ALLOWED[len(half(ALLOWED)) :])
        bed.later(GRACE_S - LITTLE_S)
        soon.writer.write(ALLOWED * 3)
        answers = [await asked.answer() for _ in range(3)] + [await soon.answer() for _ in range(3)]
        assert [each.is_last for each in answers] == [False, False, True] * 2
        last = await halfway.answer()
        assert (last.status, last.is_last) == (200, True)
        bed.later(2 * LITTLE_S)
        for client in (asked, halfway, soon, idle):
            assert await client.rest() == b""


async def test_a_question_of_the_drains_own_tick_is_answered(bed: Bed) -> None:
    """If a drain begins between a question and its answer, that answer is the connection's last."""
    async with bed.client() as client:
        await client.ask(ALLOWED)
        (connection,) = bed.server.connections
        connection.data_received(ALLOWED)
        bed.server.begin_to_drain()
        answer = await client.answer()
        assert (answer.status, answer.is_last) == (200, True)
        assert await client.rest() == b""


async def test_a_drain_ends_when_all_have_left(bed: Bed) -> None:
    """A drain waits for the open connections, and cuts off those still open at its end."""
    async with bed.client() as goes, bed.client() as stays:
        await bed.holds(2)
        draining = asyncio.create_task(bed.server.drain(10))
        assert (await goes.ask(ALLOWED)).is_last and (await stays.ask(ALLOWED)).is_last
        assert await goes.rest() == await stays.rest() == b""
        assert not draining.done()
        goes.writer.close()
        stays.writer.close()
        await draining
    async with bed.client():
        await bed.holds(1)
        with capture_logs() as logs:
            await bed.server.drain(0.01)
        await bed.holds(0)
    assert [(each["event"], each["connections"]) for each in logs] == [("connections_cut_off", 1)]
