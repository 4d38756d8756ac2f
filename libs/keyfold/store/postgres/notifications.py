"""Hearing of changes at once, and of those that were not heard at the latest when a wait times out."""

import asyncio
from types import TracebackType
from typing import Self

import structlog

from keyfold.store.postgres.connection import Connection, close, connect
from keyfold.store.postgres.errors import DatabaseAway, translate_errors

log = structlog.get_logger(__name__)


class Notifications:
    """Listens on one channel with a connection of its own, which it makes anew whenever it is gone.

    A notification is a hint to look, never the news itself: it may be missed while the connection is away.
    """

    def __init__(self, dsn: str, channel: str) -> None:
        self._dsn = dsn
        self._channel = channel
        self._heard = asyncio.Event()
        self._connection: Connection | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await close(self._connection)

    async def wait(self, timeout_s: float) -> bool:
        """Return True when something was notified since the last wait, or may have been; False in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._listening()
                await self._heard.wait()
        except TimeoutError:
            return False
        self._heard.clear()
        return True

    async def _listening(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        try:
            self._connection = await self._listener()
        except DatabaseAway as away:
            log.warning("notifications_away", channel=self._channel, reason=str(away))
            return
        self._heard.set()  # whatever was notified before this connection listened

    async def _listener(self) -> Connection:
        connection = await connect(self._dsn, application_name=f"listener {self._channel}")
        try:
            with translate_errors():
                await connection.add_listener(self._channel, lambda *_: self._heard.set())
        except BaseException:
            connection.terminate()
            raise
        return connection
