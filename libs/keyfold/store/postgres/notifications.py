"""Learning of changes by PostgreSQL's notifications; a missed one is noticed when the wait times out."""

import asyncio
from types import TracebackType
from typing import Self

import structlog

from keyfold.store.postgres.connection import Connection, close, connect
from keyfold.store.postgres.errors import DatabaseAway, translate_errors

log = structlog.get_logger(__name__)


class Notifications:
    """Listens on one channel with its own connection, which it replaces when it is gone.

    A notification is a hint to look, never the news itself: it may be missed while there is no connection.
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
        """Return True once something was, or may have been, notified since the last wait, else False."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ensure_listening()
                await self._heard.wait()
        except TimeoutError:
            return False
        self._heard.clear()
        return True

    async def _ensure_listening(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        try:
            self._connection = await self._listen()
        except DatabaseAway as away:
            log.warning("notifications_away", channel=self._channel, reason=str(away))
            return
        self._heard.set()  # something may have been notified before this connection listened

    async def _listen(self) -> Connection:
        connection = await connect(self._dsn, application_name=f"listener {self._channel}")
        try:
            with translate_errors():
                await connection.add_listener(self._channel, lambda *_: self._heard.set())
        except BaseException:
            connection.terminate()
            raise
        return connection
