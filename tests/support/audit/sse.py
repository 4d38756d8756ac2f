"""Reading Server-Sent Events as the standard says, and no further than is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import aiohttp
import orjson

from tests.support.audit.log import Query, number, target
from tests.support.runtime.serving import Client

WITHIN_S = 20.0


@dataclass(slots=True, kw_only=True)
class Listener:
    """One connection to a stream: its events, and where to continue."""

    answer: aiohttp.ClientResponse
    last_event_id: str = ""
    retry_ms: int | None = None
    comments: list[str] = field(default_factory=list)

    async def next(self, count: int = 1) -> list[dict[str, Any]]:
        """Return the next events, this many, in time."""
        async with asyncio.timeout(WITHIN_S):
            found: list[dict[str, Any]] = []
            while len(found) < count:
                if (event := await self.block()) is not None:
                    found.append(event)
            return found

    async def numbers(self, count: int) -> list[int]:
        """Return the numbers of the next events, this many."""
        return [number(event["event_id"]) for event in await self.next(count)]

    async def heartbeat(self) -> str:
        """Return what interrupts the next silence."""
        async with asyncio.timeout(WITHIN_S):
            said = len(self.comments)
            while len(self.comments) == said:
                assert await self.block() is None
            return self.comments[-1]

    async def block(self) -> dict[str, Any] | None:
        """Read up to an empty line; return the event, if it is one."""
        data: list[str] = []
        while (line := (await self._line())) != "":
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "":
                    self.comments.append(value)
                case "id":
                    self.last_event_id = value
                case "retry":
                    self.retry_ms = int(value)
                case "data":
                    data.append(value)
        event: dict[str, Any] | None = orjson.loads("\n".join(data)) if data else None
        return event

    async def _line(self) -> str:
        line = await self.answer.content.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the stream has ended")
        return line.decode().removesuffix("\n")


@asynccontextmanager
async def listening(
    client: Client,
    path: str,
    query: Query = MappingProxyType({}),
    *,
    token: str = "owner-1",
    after: str | None = None,
) -> AsyncIterator[Listener]:
    """Open a stream, after an event if one is named, and read its beginning."""
    headers: Mapping[str, str] = {} if after is None else {"Last-Event-ID": after}
    async with client.ask(
        "GET", target(f"{path}/stream", query), token=token, headers=dict(headers)
    ) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        listener = Listener(answer=answer)
        assert await listener.block() is None
        yield listener
