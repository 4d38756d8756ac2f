"""A gateway's keep-alive connection to a gatekeeper: an answer counts when it is complete."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from keyfold.local.process.ports import HOST

ANSWER_WITHIN_S = 10.0


class Cut(Exception):
    """The connection ended before the answer was complete; what became of the request is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]

    @property
    def decision(self) -> str | None:
        """The decision's id, None if nothing was decided."""
        return self.headers.get("x-keyfold-decision")

    @property
    def reason(self) -> str | None:
        """The reason, None for an allow."""
        return self.headers.get("x-keyfold-reason")


class Connection:
    """Asks one question at a time, and connects anew after a cut. It never asks a question twice.

    An answer that is not there within `answer_within_s` is given up, and the connection with it.
    """

    def __init__(self, port: int, *, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._port = port
        self._answer_within_s = answer_within_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        """Connect unless connected. Raises OSError: then nothing was asked."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port)

    async def ask(self, target: str, headers: Mapping[str, str]) -> Answer:
        """Send a GET and return its answer. Raises Cut."""
        assert self._streams is not None
        reader, writer = self._streams
        lines = [f"GET {target} HTTP/1.1", "Host: gatekeeper"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        try:
            async with asyncio.timeout(self._answer_within_s):
                writer.write("\r\n".join([*lines, "", ""]).encode())
                return await self._answer(reader)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as cut:
            self.close()
            raise Cut from cut

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status=int(first.split(" ")[1]), headers=headers)

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
