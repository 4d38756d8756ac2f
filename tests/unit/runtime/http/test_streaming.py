"""Streamed answers: at the reader's pace, complete or visibly not, and stopped when nobody reads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from keyfold.runtime import metrics
from keyfold.runtime.auth.caller import Binding, Caller, Role, TokenRejected
from keyfold.runtime.failure import TryLater
from keyfold.runtime.health import Health
from keyfold.runtime.http import AnyRole, Request, Route, Streamed, Writer, build_app, serve_http
from tests.support.runtime.serving import Client, serving, until
from tests.support.runtime.tokens import KnownLogins, SetClock, believing, eddsa, jwks_file

MANY = b"x" * 65536


def route(
    write: Callable[[Writer], Awaitable[None]], *, endless: bool = False, stall_max_s: float = 60
) -> Route[None, None]:
    """Return a route that streams."""

    async def stream_it(_request: Request[None, None]) -> Streamed:
        return Streamed(
            write=write,
            content_type="text/plain",
            headers={"X-Kind": "y"},
            endless=endless,
            stall_max_s=stall_max_s,
        )

    return Route(
        method="GET",
        path="/stream",
        handler=stream_it,
        rule=AnyRole(),
        summary="Stream.",
        media_types=("text/plain",),
    )


class Endless:
    """Writes until it is stopped, and remembers that; stops slowly if nobody reads."""

    def __init__(self, *, is_silent: bool = False) -> None:
        self.written = 0
        self.is_stopped = False
        self._is_silent = is_silent

    async def write(self, writer: Writer) -> None:
        """Write, at the reader's pace."""
        try:
            await writer.write(b"begun\n")
            if self._is_silent:
                await asyncio.Event().wait()
            while True:
                await writer.write(MANY)
                self.written += len(MANY)
        finally:
            self.is_stopped = True


def streamed(ending: str) -> float:
    """Return how many streams have ended in this way."""
    labels = {"route": "/stream", "ending": ending}
    return metrics.REGISTRY.get_sample_value("keyfold_http_streams_total", labels) or 0.0


async def test_a_stream_arrives_whole() -> None:
    """The content arrives in order and with the answer's headers; HEAD gets the headers alone."""

    async def write(writer: Writer) -> None:
        for _ in range(3):
            await writer.write(MANY)

    whole = streamed("whole")
    async with serving([route(write)]) as client:
        async with client.ask("GET", "/stream") as answer:
            assert await answer.read() == MANY * 3
            assert answer.headers["X-Kind"] == "y"
            assert answer.headers["X-Request-Id"]
            assert answer.content_type == "text/plain"
        async with client.ask("HEAD", "/stream") as answer:
            assert (answer.status, answer.headers["X-Kind"], await answer.read()) == (200, "y", b"")
    assert streamed("whole") == whole + 1


async def test_nothing_is_written_ahead_of_the_reader() -> None:
    """While a reader reads nothing the writer waits; little is buffered, however much is to come."""
    endless = Endless()
    async with serving([route(endless.write)]) as client:
        answer = await client.ask("GET", "/stream")
        await answer.content.readany()
        await until(lambda: endless.written > 0)
        before = -1
        while before != endless.written:
            before = endless.written
            await asyncio.sleep(0.2)
        assert endless.written < 32 * 1024 * 1024
        answer.close()
        await until(lambda: endless.is_stopped)


@pytest.mark.parametrize("is_silent", [False, True])
async def test_a_reader_that_leaves_stops_the_writer(is_silent: bool) -> None:
    """When the reader hangs up the writing is stopped, even if nothing was being written."""
    endless, gone = Endless(is_silent=is_silent), streamed("gone")
    async with serving([route(endless.write)]) as client:
        answer = await client.ask("GET", "/stream")
        await answer.content.readany()
        answer.close()
        await until(lambda: endless.is_stopped and streamed("gone") == gone + 1)


async def test_a_reader_that_stays_and_does_not_read_is_given_up() -> None:
    """A reader that reads nothing for too long is cut off, and holds no resources any more."""
    endless, gone = Endless(), streamed("gone")
    async with serving([route(endless.write, stall_max_s=0.3)]) as client:
        answer = await client.ask("GET", "/stream")
        await until(lambda: endless.is_stopped and streamed("gone") == gone + 1)
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def fails(writer: Writer) -> None:
    """Fail in the middle."""
    await writer.write(b"some")
    raise RuntimeError("a secret lies here")


async def test_a_failure_in_the_middle_is_seen() -> None:
    """A body that fails in the middle has no end: the last chunk is missing, and nothing is added."""
    failed = streamed("failed")
    async with serving([route(fails)]) as client:
        async with client.ask("GET", "/stream") as answer:
            assert answer.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
        request = b"GET /stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer operator\r\n\r\n"
        assert (await client.raw(request)).endswith(b"4\r\nsome\r\n")
    assert streamed("failed") == failed + 2


async def test_a_failure_in_the_middle_is_seen_by_old_readers_too() -> None:
    """HTTP/1.0 knows no chunks, and takes a closed connection for the end: so it is reset."""
    async with serving([route(fails)]) as client:
        with pytest.raises(ConnectionResetError):
            await client.raw(b"GET /stream HTTP/1.0\r\nAuthorization: Bearer operator\r\n\r\n")


async def test_a_failure_before_the_first_bytes_is_a_problem() -> None:
    """A failure before anything was sent is answered as in any other call."""

    async def away(_writer: Writer) -> None:
        raise TryLater("the store is away")

    async with serving([route(away)]) as client, client.ask("GET", "/stream") as answer:
        assert answer.status == 503
        assert answer.content_type == "application/problem+json"


async def test_a_rule_holds_for_streams(client_of_stream: Client) -> None:
    """A caller that the rule refuses gets a problem, and nothing of the stream."""
    assert await client_of_stream.status("GET", "/stream", token=None) == 401


@pytest.fixture
async def client_of_stream() -> AsyncIterator[Client]:
    """A client of one stream."""
    async with serving([route(Endless().write)]) as client:
        yield client


class Expiring:
    """Accepts any token, until a time."""

    def __init__(self, clock: SetClock, valid_s: float) -> None:
        self._caller = Caller(role=Role.OPERATOR, sub="ada", expires_at=clock.at + timedelta(seconds=valid_s))

    async def authenticate(self, _authorization: str | None) -> Caller | TokenRejected:
        return self._caller


@asynccontextmanager
async def streaming(endless: Endless, *, valid_s: float) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    """Serve an endless stream to whoever brings a token that is good for so long."""
    clock = SetClock()
    app = build_app(
        "test",
        [route(endless.write, endless=True)],
        auth=Expiring(clock, valid_s),
        health=Health(),
        clock=clock,
    )
    async with (
        aiohttp.ClientSession() as session,
        serve_http(app, "127.0.0.1", 0, drain_timeout_s=5) as port,
    ):
        yield f"http://127.0.0.1:{port}/stream", session


async def test_a_stream_ends_with_the_token() -> None:
    """When the caller's token expires, an endless stream is ended with its last chunk."""
    endless = Endless(is_silent=True)
    async with streaming(endless, valid_s=0.3) as (url, session), session.get(url) as answer:
        assert await answer.read() == b"begun\n"
    assert endless.is_stopped


async def test_a_stream_ends_when_its_login_is_shut_out(tmp_path: Path) -> None:
    """An endless stream is ended with its last chunk when the caller's login is no longer bound as it was."""
    signer, logins, endless = (
        eddsa(),
        KnownLogins({"ada": Binding(account_id="acc_1")}),
        Endless(is_silent=True),
    )
    auth = await believing(jwks_file(tmp_path, signer), bindings=logins)
    app = build_app("test", [route(endless.write, endless=True)], auth=auth, health=Health())
    headers = {"Authorization": f"Bearer {signer.sign({'role': None})}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        serve_http(app, "127.0.0.1", 0, drain_timeout_s=5) as port,
        session.get(f"http://127.0.0.1:{port}/stream") as answer,
    ):
        assert await answer.content.readany() == b"begun\n"
        logins.bound["ada"] = Binding()
        assert await answer.read() == b""
        async with session.get(f"http://127.0.0.1:{port}/stream") as again:
            assert again.status == 403
        logins.is_away = True
        async with session.get(f"http://127.0.0.1:{port}/stream") as unknown:
            assert (unknown.status, unknown.headers["Retry-After"]) == (503, "1")
    assert endless.is_stopped


async def test_a_stream_ends_when_the_key_of_its_token_is_withdrawn(tmp_path: Path) -> None:
    """A token that is believed no more is not good for what was begun with it either."""
    signer, endless, clock = eddsa(), Endless(is_silent=True), SetClock()
    auth = await believing(jwks_file(tmp_path, signer), clock)
    app = build_app("test", [route(endless.write, endless=True)], auth=auth, health=Health())
    headers = {"Authorization": f"Bearer {signer.sign()}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        serve_http(app, "127.0.0.1", 0, drain_timeout_s=5) as port,
        session.get(f"http://127.0.0.1:{port}/stream") as answer,
    ):
        assert await answer.content.readany() == b"begun\n"
        jwks_file(tmp_path)
        clock.seconds += 3601
        assert await answer.read() == b""
        async with session.get(f"http://127.0.0.1:{port}/stream") as again:
            assert again.status == 401
    assert endless.is_stopped


async def test_a_stream_ends_when_the_process_stops() -> None:
    """A process that stops ends its streams at once, with their last chunks, without waiting for readers."""
    endless = Endless(is_silent=True)
    reading: asyncio.Task[bytes]
    async with aiohttp.ClientSession() as mine:
        async with asyncio.timeout(4), streaming(endless, valid_s=3600) as (url, _):
            answer = await mine.get(url)
            assert await answer.content.readany() == b"begun\n"
            reading = asyncio.create_task(answer.read())
        assert await reading == b""
    assert endless.is_stopped


async def test_a_caller_knows_when_its_token_expires(tmp_path: Path) -> None:
    """The caller's expiry comes from the token, with the same leeway as its validity."""
    signer = eddsa()
    tokens = await believing(jwks_file(tmp_path, signer))
    caller = await tokens.authenticate(f"Bearer {signer.sign({'exp': 4_000_000_000})}")
    assert isinstance(caller, Caller)
    assert caller.expires_at is not None
    assert caller.expires_at.timestamp() == 4_000_000_005
    beyond = await tokens.authenticate(f"Bearer {signer.sign({'exp': 10**15})}")
    assert isinstance(beyond, Caller)
    assert beyond.expires_at is None
