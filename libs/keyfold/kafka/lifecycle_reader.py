"""Reads the ledger from Kafka: every event once, in order, with every link of the hash chain checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog
from msgspec import Struct

from keyfold.domain.lifecycle.fold import RecordedEvent
from keyfold.kafka.dead_letters.bound import DeadLetterBound
from keyfold.kafka.dead_letters.record import dead_letter
from keyfold.kafka.partition_reader import PartitionReader
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.failure import StopProcess
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.events.chain import BrokenChain, Head, LedgerGap, Row, follow, understand
from keyfold.wire.events.codec import UnknownEvent
from keyfold.wire.events.record import NotOurs, read_lifecycle_record
from keyfold.wire.record import Received
from keyfold.wire.topics import DEAD_LETTER, LIFECYCLE

# A thousand events take about 20 ms to check and decode; a process that must stay responsive asks for fewer.
RECORDS_MAX = 1000

log = structlog.get_logger(__name__)


class LedgerUnreadable(StopProcess):
    """The next event cannot be trusted or understood. Stop: skipping it could mean missing a revocation.

    Its cause is the LedgerGap, BrokenChain or UnknownEvent that was found.
    """

    def __init__(self, head: Head, row: Row, cause: LedgerGap | BrokenChain | UnknownEvent) -> None:
        super().__init__(
            f"the ledger cannot be followed past position {head.position},"
            f" to {row.type} at position {row.position}: {cause}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleBatch:
    """The events since the last batch.

    `head` is the last event's position and hash, `next_offset` is where to read on. Both may stay the same,
    and the offset may move without an event.
    """

    events: tuple[RecordedEvent, ...]
    head: Head
    next_offset: int


class LifecycleReader:
    """Reads the lifecycle topic from a head on and returns each later event exactly once.

    A record that did not come from the ledger goes to the dead letters, and reading goes on; without a
    `dead_letters` publisher it is only logged, because another reader of the same topic dead-letters it.
    """

    def __init__(
        self,
        kafka: KafkaAccess,
        *,
        head: Head,
        offset: int,
        dead_letters: Publisher | None,
        bound: DeadLetterBound | None = None,
        topic: str = LIFECYCLE.name,
        dead_letter_topic: str = DEAD_LETTER.name,
        client_id: str = "keyfold",
    ) -> None:
        self._reader = PartitionReader(kafka, topic, offset=offset, client_id=client_id)
        self._dead_letters = dead_letters
        self._dead_letter_topic = dead_letter_topic
        self._bound = bound or DeadLetterBound(topic=topic)
        self._batch = LifecycleBatch(events=(), head=head, next_offset=offset)
        self._pending: Sequence[_Ours | _Foreign] = ()
        self._unreadable: LedgerUnreadable | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Connect and check that the topic exists. Raises Unavailable or KafkaMisconfigured."""
        await self._reader.start()

    async def stop(self) -> None:
        """Disconnect, within a few seconds even if the broker does not answer."""
        await self._reader.stop()

    @property
    def head(self) -> Head:
        """The position and hash of the last event that `read` returned."""
        return self._batch.head

    @property
    def next_offset(self) -> int:
        """The offset at which reading goes on after `head`."""
        return self._batch.next_offset

    async def end_offset(self) -> int:
        """Return the offset that the topic's next record will get. Raises Unavailable."""
        return await self._reader.end_offset()

    async def read(self, timeout_s: float = 1.0, records_max: int = RECORDS_MAX) -> LifecycleBatch:
        """Return the next events; none if nothing came in time or the broker is away.

        Raises LedgerUnreadable once everything before the bad event was returned, and again at every call;
        TooManyDeadLetters, RecordsGone and Stalled, which are final too; and what `Publisher.publish` raises:
        then call again, nothing is lost.
        """
        if self._unreadable is not None:
            raise self._unreadable
        if not self._pending:
            self._pending = [_parse(each) for each in await self._reader.read(records_max, timeout_s)]
            self._bound.note(seen=len(self._pending), dead=len(_select_foreign(self._pending)))
        await self._dead_letter(_select_foreign(self._pending))
        self._batch = self._follow(self._pending)
        self._pending = ()
        if self._unreadable is not None and not self._batch.events:
            raise self._unreadable
        return self._batch

    async def _dead_letter(self, foreign: Sequence[_Foreign]) -> None:
        for each in foreign:
            at = each.received
            log.warning("foreign_record", topic=at.topic, offset=at.offset, reason=each.reason)
        if foreign and self._dead_letters is not None:
            records = [dead_letter(each.received, reason=each.reason) for each in foreign]
            await self._dead_letters.publish(self._dead_letter_topic, 0, records)

    def _follow(self, records: Sequence[_Ours | _Foreign]) -> LifecycleBatch:
        events: list[RecordedEvent] = []
        head, next_offset = self._batch.head, self._batch.next_offset
        for each in records:
            if isinstance(each, _Ours):
                try:
                    after = follow(head, each.row, each.hash)
                    if after is not None:
                        events.append(understand(each.row, each.hash))
                        head = after
                except (LedgerGap, BrokenChain, UnknownEvent) as fault:
                    self._unreadable = LedgerUnreadable(head, each.row, fault)
                    self._unreadable.__cause__ = fault
                    break
            next_offset = each.received.offset + 1
        return LifecycleBatch(events=tuple(events), head=head, next_offset=next_offset)


class _Ours(Struct, frozen=True, gc=False):
    """A record that carries a row of the ledger."""

    received: Received
    row: Row
    hash: bytes


class _Foreign(Struct, frozen=True, gc=False):
    """A record that did not come from the ledger, and how that shows."""

    received: Received
    reason: str


def _parse(received: Received) -> _Ours | _Foreign:
    try:
        row, row_hash = read_lifecycle_record(received)
    except NotOurs as foreign:
        return _Foreign(received, str(foreign))
    return _Ours(received, row, row_hash)


def _select_foreign(records: Sequence[_Ours | _Foreign]) -> list[_Foreign]:
    return [each for each in records if isinstance(each, _Foreign)]
