"""Streamed answers, as commands read them: a file of any size, and events without end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import aiohttp
import orjson

from keyfold.client.failure import CommandFailed
from keyfold.client.http import JsonObject, ProblemAnswered, document_of, refuse_redirect

CONNECT_TIMEOUT_S: Final = 10.0
SILENCE_MAX_S: Final = 60.0
"""The audit service sends heartbeats far more often: after so long a silence the connection is lost."""


class StreamBroken(CommandFailed):
    """The connection was lost, or refused for now. Connect again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStep:
    """One step of a stream: an event, or without one only the place to continue from."""

    last_event_id: str
    retry_ms: int | None = None
    item: JsonObject | None = None


@dataclass(slots=True)
class EventReader:
    """Reads lines of Server-Sent Events; it keeps its place between connections."""

    last_event_id: str = ""
    _id: str = ""
    _data: str = ""
    _retry_ms: int | None = None

    def take(self, line: str) -> StreamStep | None:
        """Return the step that this line ends, if any. The line comes without its line end."""
        if not line:
            return self._finish_step()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data += value + "\n"
            case "id":
                self._id = value
            case "retry" if value.isdecimal():
                self._retry_ms = int(value)
        return None

    def forget(self) -> None:
        """Drop an event that was cut off: it will be sent again."""
        self._data, self._id = "", self.last_event_id

    def _finish_step(self) -> StreamStep:
        # An id counts only once its event is complete.
        self.last_event_id = self._id
        data, self._data = self._data, ""
        item = orjson.loads(data) if data else None
        return StreamStep(last_event_id=self.last_event_id, retry_ms=self._retry_ms, item=item)


async def events(
    url: str, *, bearer: str, query: Mapping[str, str], reader: EventReader
) -> AsyncGenerator[StreamStep]:
    """Yield the steps of a stream from the reader's place on. Raises StreamBroken or ProblemAnswered."""
    after = {"Last-Event-ID": reader.last_event_id} if reader.last_event_id else {}
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "text/event-stream", **after}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_MAX_S)
    reader.forget()
    try:
        async with _answer(url, headers, query, timeout) as answer:
            async for line in answer.content:
                if (step := reader.take(line.decode().rstrip("\r\n"))) is not None:
                    yield step
    except (TimeoutError, aiohttp.ClientError) as lost:
        raise StreamBroken(f"The stream was lost: {lost!r}.") from lost


async def chunks(url: str, *, bearer: str, query: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Yield a file's chunks as they come. Raises CommandFailed if the file is cut off."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_MAX_S)
    headers = {"Authorization": f"Bearer {bearer}"}
    try:
        async with _answer(url, headers, query, timeout) as answer:
            async for chunk in answer.content.iter_any():
                yield chunk
    except (TimeoutError, aiohttp.ClientPayloadError) as cut:
        raise CommandFailed("The export was cut off: what there is of it is not whole.") from cut
    except aiohttp.ClientError as away:
        raise CommandFailed(f"The audit service cannot be reached: {away}.") from away


@asynccontextmanager
async def _answer(
    url: str, headers: Mapping[str, str], query: Mapping[str, str], timeout: aiohttp.ClientTimeout
) -> AsyncIterator[aiohttp.ClientResponse]:
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(url, headers=headers, params=query, allow_redirects=False) as answer,
    ):
        refuse_redirect("audit", answer.status)
        if answer.status != HTTPStatus.OK:
            raise await _refusal(answer)
        yield answer


async def _refusal(answer: aiohttp.ClientResponse) -> CommandFailed:
    content = await answer.read()
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return StreamBroken(f"The audit service answered {answer.status}.")
    return ProblemAnswered(answer.status, document_of(content, "audit"))
