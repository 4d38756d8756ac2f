"""Answers that last, as commands read them: a file of any size, and events without end."""

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
"""The audit service breaks a stream's silence far more often: after this long the connection is lost."""


class StreamBroken(CommandFailed):
    """The connection was lost, or refused for the moment. Connect again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a stream told: an event, or with none only from where to go on."""

    last_event_id: str
    retry_ms: int | None = None
    item: JsonObject | None = None


@dataclass(slots=True)
class EventReader:
    """Turns lines of Server-Sent Events into what they tell; between connections it keeps its place."""

    last_event_id: str = ""
    _id: str = ""
    _data: str = ""
    _retry_ms: int | None = None

    def take(self, line: str) -> Told | None:
        """Return what ends with this line, which is without its end."""
        if not line:
            return self._told()
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
        """Drop an event that was cut off: it will be told again."""
        self._data, self._id = "", self.last_event_id

    def _told(self) -> Told:
        # An id counts once the event that it stands in is whole.
        self.last_event_id = self._id
        data, self._data = self._data, ""
        item = orjson.loads(data) if data else None
        return Told(last_event_id=self.last_event_id, retry_ms=self._retry_ms, item=item)


async def events(
    url: str, *, bearer: str, query: Mapping[str, str], reader: EventReader
) -> AsyncGenerator[Told]:
    """Yield what a stream tells, from the reader's place on. Raises StreamBroken, or ProblemAnswered."""
    after = {"Last-Event-ID": reader.last_event_id} if reader.last_event_id else {}
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "text/event-stream", **after}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_MAX_S)
    reader.forget()
    try:
        async with _answer(url, headers, query, timeout) as answer:
            async for line in answer.content:
                if (told := reader.take(line.decode().rstrip("\r\n"))) is not None:
                    yield told
    except (TimeoutError, aiohttp.ClientError) as lost:
        raise StreamBroken(f"The stream was lost: {lost!r}.") from lost


async def chunks(url: str, *, bearer: str, query: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Yield a file as it comes. Raises CommandFailed where it ends before its end."""
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
