"""What the authz server owes of HTTP/1.1: the right answers, in order, on connections that are kept."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keyfold.gatekeeper.authz.connection import PIPELINED_MAX, UNFINISHED_BYTES_MAX
from tests.support.gatekeeper.server_bed import KEY_LINES, TOKEN_LINE, Bed, request, serve_in

DENIED = request(path="/v1/note")
ALLOWED = request()
STRANGE = request(own=("X-Gateway-Token: nobody's", *KEY_LINES))
LAST = request("Connection: close")


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    """An authz server."""
    async with serve_in(tmp_path) as bed:
        yield bed


async def test_a_connection_is_kept(bed: Bed) -> None:
    """One connection answers question after question, until one says that it is the last."""
    async with bed.client() as client:
        for _ in range(3):
            answer = await client.ask(ALLOWED)
            assert (answer.status, answer.body, answer.is_last) == (200, b"", False)
        assert (await client.ask(LAST)).is_last
        assert await client.rest() == b""


async def test_pipelined_questions_are_answered_in_their_order(bed: Bed) -> None:
    """Answers come in the order of the questions, also where an unknown gateway's stands between others."""
    async with bed.client() as client:
        client.writer.write(ALLOWED + STRANGE + DENIED + STRANGE + LAST)
        assert await client.statuses() == [200, 401, 403, 401, 200]
    assert [record.seq for record in bed.heart.records()] == [1, 2, 3]


async def test_too_many_questions_at_once_are_not_all_taken(bed: Bed) -> None:
    """The number of unread answers is bounded: the last one says that it is the last."""
    async with bed.client() as client:
        answer = await client.ask(ALLOWED * (PIPELINED_MAX + 50))
        answers = [answer] + [await client.answer() for _ in range(PIPELINED_MAX - 1)]
        assert [each.is_last for each in answers] == [False] * (PIPELINED_MAX - 1) + [True]
        assert await client.rest() == b""
    assert len(bed.heart.records()) == PIPELINED_MAX


@pytest.mark.parametrize("path", ["/v1/patient", "/v1/note"])
async def test_head_is_answered_without_a_body(bed: Bed, path: str) -> None:
    """The answer to HEAD is that to GET, with the length of the body but without the body."""
    async with bed.client() as client:
        got = await client.ask(request(path=path, own=(TOKEN_LINE,)))
        client.writer.write(request(path=path, method="HEAD", own=(TOKEN_LINE,)) + ALLOWED)
        head = await client.answer(has_body=False)
        assert (head.status, head.headers["Content-Length"]) == (401, str(len(got.body)))
        assert len(got.body) > 0
        assert (await client.answer()).status == 200


async def test_http_1_0_is_answered_and_left(bed: Bed) -> None:
    """HTTP/1.0 gets its answer and the connection closes, unless the request asks to keep it."""
    async with bed.client() as client:
        kept = await client.ask(request("Connection: keep-alive", version="1.0"))
        assert (kept.status, kept.headers["Connection"]) == (200, "keep-alive")
        left = await client.ask(request(version="1.0"))
        assert (left.status, left.is_last) == (200, True)
        assert await client.rest() == b""


async def test_a_body_is_never_invited(bed: Bed) -> None:
    """A client that waits for 100 Continue gets the final answer instead, and its body is not read."""
    async with bed.client() as client:
        no_body = await client.ask(request("Expect: 100-continue", "Content-Length: 0", method="POST"))
        assert (no_body.status, no_body.is_last) == (200, False)
        waiting = await client.ask(request("Expect: 100-continue", "Content-Length: 5", method="POST"))
        assert (waiting.status, waiting.is_last) == (200, True)
        client.writer.write(ALLOWED)  # as some do who were told that no body is wanted
        assert await client.rest() == b""
    assert len(bed.heart.records()) == 2


@pytest.mark.parametrize("length", [1, 2000, UNFINISHED_BYTES_MAX])
async def test_a_small_body_is_skipped(bed: Bed, length: int) -> None:
    """A short body is skipped, whatever it holds, and the connection goes on after it."""
    body = (ALLOWED * (length // len(ALLOWED) + 1))[:length]
    posted = request(f"Content-Length: {length}", method="POST", body=body)
    async with bed.client() as client:
        answer = await client.ask(posted, DENIED)
        assert (answer.status, answer.is_last) == (200, False)
        assert (await client.answer()).status == 403
        head, _, _ = posted.partition(b"\r\n\r\n")
        assert (await client.ask(head + b"\r\n\r\n")).status == 200
        for part in (body[: length // 2], body[length // 2 :]):
            client.writer.write(part)
            await asyncio.sleep(0)
        assert (await client.ask(DENIED)).status == 403
    assert len(bed.heart.records()) == 4


@pytest.mark.parametrize("framing", [f"Content-Length: {100 << 20}", "Transfer-Encoding: chunked"])
async def test_a_long_body_is_answered_and_left(bed: Bed, framing: str) -> None:
    """The answer to a request with a long body comes at once, and can be read while the body is sent."""
    async with bed.client() as client:
        client.writer.write(request(framing, method="POST", path="/v1/note"))
        piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        for _ in range(64):
            client.writer.write(piece)
            await asyncio.sleep(0)
        await client.writer.drain()
        answer = await client.answer()
        assert (answer.status, answer.is_last) == (403, True)
        assert answer.body.endswith(b"}")
        assert await client.rest() == b""


@pytest.mark.parametrize("line", ["GET /authz/v1/patient", "POST /authz/v1/patient", "CONNECT /authz:1"])
async def test_no_other_protocol_is_spoken(bed: Bed, line: str) -> None:
    """A request to change the protocol gets one answer, and what follows is ignored."""
    method = line.partition(" ")[0]
    upgraded = request("Connection: upgrade", "Upgrade: websocket", method=method)
    if method == "CONNECT":
        upgraded = upgraded.replace(b"/authz/v1/patient", b"authz:1")
    async with bed.client() as client:
        answer = await client.ask(ALLOWED, upgraded, b"\x81\x05hello", ALLOWED)
        assert (answer.status, answer.is_last) == (200, False)
        answer = await client.answer()
        assert (answer.status, answer.is_last) == (403 if method == "CONNECT" else 200, True)
        assert await client.rest() == b""


async def test_an_upgrade_that_its_connection_does_not_name_is_none(bed: Bed) -> None:
    """nginx passes on a client's Upgrade without its Connection header: the connection goes on."""
    async with bed.client() as client:
        assert not (await client.ask(request("Upgrade: websocket"))).is_last
        assert (await client.ask(ALLOWED)).status == 200


@pytest.mark.parametrize("is_sent_at_once", [True, False])
async def test_a_head_that_does_not_end_is_refused(bed: Bed, is_sent_at_once: bool) -> None:
    """A head beyond the bound gets 431, after the answers that are due, and leaves nothing behind."""
    endless = request(f"Cookie: {'x' * 3 * UNFINISHED_BYTES_MAX}")
    async with bed.client() as client:
        client.writer.write(ALLOWED)
        if is_sent_at_once:
            client.writer.write(endless)
        else:
            for start in range(0, len(endless), 1000):
                client.writer.write(endless[start : start + 1000])
                await asyncio.sleep(0)
        assert (await client.answer()).status == 200
        refused = await client.answer()
        assert (refused.status, refused.is_last) == (431, True)
        assert await client.rest() == b""


async def test_a_long_head_is_answered(bed: Bed) -> None:
    """A long head within the bound is answered."""
    async with bed.client() as client:
        assert (await client.ask(request(f"Cookie: {'x' * (UNFINISHED_BYTES_MAX - 1000)}"))).status == 200
        assert (await client.ask(request(path="/v1/patient?q=" + "x" * 40_000))).status == 200


async def test_what_is_no_http_is_refused_after_the_answers_that_are_due(bed: Bed) -> None:
    """Questions before it are answered, then comes 400 and the connection closes; what follows is ignored."""
    async with bed.client() as client:
        client.writer.write(ALLOWED + DENIED + b"\x16\x03\x01\x02\x00\r\n\r\n" + ALLOWED)
        answers = [await client.answer() for _ in range(3)]
        assert [each.status for each in answers] == [200, 403, 400]
        assert [each.is_last for each in answers] == [False, False, True]
        assert await client.rest() == b""
    assert len(bed.heart.records()) == 2


async def test_what_follows_the_last_question_changes_no_answer(bed: Bed) -> None:
    """After a connection's last question nothing is answered, not even what is no HTTP."""
    for rest in (ALLOWED, b"\x16\x03", b"\r\n\r\n"):
        async with bed.client() as client:
            answer = await client.ask(LAST, rest)
            assert (answer.status, answer.is_last) == (200, True)
            assert await client.rest() == b""


async def test_who_has_said_all_is_still_answered(bed: Bed) -> None:
    """A client that closes its half of the connection gets its answers, then the other half closes."""
    assert await bed.exchange(ALLOWED + DENIED) == [200, 403]
    async with bed.client() as client:
        await client.ask(ALLOWED)
        (connection,) = bed.server.connections
        connection.data_received(ALLOWED)
        assert connection.eof_received()  # before the answer, as where both come at once
        assert await client.statuses() == [200]
        await bed.holds(0)


async def test_half_a_question_is_not_answered(bed: Bed) -> None:
    """A client that leaves in the middle of a head has asked nothing."""
    assert await bed.exchange(ALLOWED + DENIED[:-2]) == [200]
    assert len(bed.heart.records()) == 1


async def test_who_hangs_up_takes_no_other_with_them(bed: Bed) -> None:
    """A connection that closes before its answer does not affect the others of its tick."""
    async with bed.client() as stays, bed.client() as goes:
        await bed.holds(2)
        goes.writer.write(ALLOWED * 3)
        stays.writer.write(ALLOWED)
        goes.writer.transport.abort()
        assert (await stays.answer()).status == 200
        await bed.holds(1)
