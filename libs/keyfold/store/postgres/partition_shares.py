"""Members that read a topic divide its partitions by locks, which live as long as their sessions."""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import structlog

from keyfold.store.postgres.connection import Connection, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("postgres/partition_shares")
log = structlog.get_logger(__name__)


class PartitionShare:
    """One member's share of a topic's partitions; it is free at once when the member's session ends.

    This needs no clock and no table. A member whose session has ended may not know it yet while another
    already has its partitions: so its writes must be fenced by a compare-and-set on the offset.
    """

    def __init__(self, dsn: str, topic: str) -> None:
        self._dsn = dsn
        self._topic = topic
        self._session = AsyncExitStack()
        self._connection: Connection | None = None
        self._held: frozenset[int] = frozenset()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def settle(self, partitions: int) -> frozenset[int]:
        """Move towards a fair share of that many partitions; return those that this member holds.

        Call it every second or so, when everything that was read has been filed: it gives back what is above
        the share, and takes free partitions up to it. Raises DatabaseAway: then nothing is held.
        """
        before = self._held
        try:
            with translate_errors():
                await self._move(await self._join(), partitions)
        except BaseException:
            await self._leave()
            raise
        if self._held != before:
            log.info("share_changed", topic=self._topic, partitions=sorted(self._held))
        return self._held

    async def _join(self) -> Connection:
        if self._connection is None:
            name = f"reader of {self._topic}"
            connection = await self._session.enter_async_context(
                open_connection(self._dsn, application_name=name)
            )
            await _sql.join(connection, topic=self._topic)
            self._connection = connection
        return self._connection

    async def _leave(self) -> None:
        self._connection, self._held = None, frozenset()
        await self._session.aclose()

    async def _move(self, connection: Connection, partitions: int) -> None:
        quota = await self._quota(connection, partitions)
        for partition in sorted(self._held)[quota:]:
            await _sql.give_back(connection, topic=self._topic, partition=partition)
            self._held -= {partition}
        for partition in range(partitions):
            if len(self._held) >= quota:
                break
            if partition not in self._held and await _sql.try_take(
                connection, topic=self._topic, partition=partition
            ):
                self._held |= {partition}

    async def _quota(self, connection: Connection, partitions: int) -> int:
        membership = await _sql.membership(connection, topic=self._topic)
        members: int = membership["members"]
        before: int = membership["before"]
        # The first members take one more each of the remainder, so that the quotas add up to all partitions.
        return partitions // members + (before < partitions % members)
