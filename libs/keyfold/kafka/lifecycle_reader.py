"""Reads the ledger from Kafka: every event once, in order, and none that the registry has not sealed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import structlog

from keyfold.domain.lifecycle.fold import RecordedEvent
from keyfold.kafka.dead_letters.quota import DeadLetterQuota
from keyfold.kafka.dead_letters.record import dead_letter
from keyfold.kafka.errors import RecordsGone, Unavailable
from keyfold.kafka.partition_reader import PartitionReader
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.failure import StopProcess
from keyfold.runtime.metrics import counter, gauge
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.events.chain import ChainedRow, Head, LedgerGap, Row, understand
from keyfold.wire.events.codec import UnknownEvent
from keyfold.wire.events.record import NotOurs, read_lifecycle_record
from keyfold.wire.proof.seal import TrustedKeys
from keyfold.wire.proof.sealed_chain import UNSEALED_MAX, Believed, SealedChain, Unfollowable
from keyfold.wire.record import Received, Record
from keyfold.wire.topics import DEAD_LETTER, LIFECYCLE

# A thousand events take about 20 ms to check and decode; a process that must stay responsive asks for fewer.
RECORDS_MAX = 1000
STUCK_HELP: Final = "docs/operating.md, An event that stops a fold"
"""Where it says what to do about an event that a reader cannot get past."""

_REWIND_INTERVAL_S: Final = 30.0

FORGED_RECORDS: Final = counter(
    "keyfold_ledger_forged_records_total",
    "Records of the lifecycle topic that were skipped as not the ledger's",
)
UNSEALED_RECORDS: Final = gauge(
    "keyfold_ledger_unsealed_records", "Records of the lifecycle topic that wait for the registry's seal"
)

log = structlog.get_logger(__name__)


class LedgerUnreadable(StopProcess):
    """A sealed event cannot be understood. Fold no further: skipping it could mean missing a revocation.

    Its cause is the UnknownEvent or Unfollowable that was found.
    """

    def __init__(self, head: Head, row: Row, cause: UnknownEvent | Unfollowable) -> None:
        super().__init__(
            f"the ledger cannot be followed past position {head.position},"
            f" to {row.type} at position {row.position}: {cause}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleBatch:
    """The events since the last batch.

    `head` is the last event's position and hash, `seal_key` the key in force there (None before the first
    seal), `next_offset` where to read on after a restart. All may stay the same, and the offset may move
    without an event. `gap` says which events are missing while they are: allow nothing without them.
    """

    events: tuple[RecordedEvent, ...]
    head: Head
    seal_key: bytes | None
    next_offset: int
    gap: LedgerGap | None = None


class LifecycleReader:
    """Reads the lifecycle topic from a head on and returns each later event of the ledger exactly once.

    An event counts once a seal at or after it was verified, by one of the `trusted` keys or one that has
    taken over from them. Any other record is skipped and alarmed, and goes to the dead letters if there is
    room; without a `dead_letters` publisher it is only logged, because another reader dead-letters it.
    Where events are missing, the topic is read again from its beginning, and then on until they come.
    """

    def __init__(
        self,
        kafka: KafkaAccess,
        *,
        head: Head,
        offset: int,
        trusted: TrustedKeys,
        seal_key: bytes | None = None,
        dead_letters: Publisher | None,
        unsealed_max: int = UNSEALED_MAX,
        accepts_unsealed: bool = False,
        topic: str = LIFECYCLE.name,
        dead_letter_topic: str = DEAD_LETTER.name,
        client_id: str = "keyfold",
    ) -> None:
        self._reader = PartitionReader(kafka, topic, offset=offset, client_id=client_id)
        self._chain = SealedChain[Received](head, trusted, seal_key, unsealed_max, accepts_unsealed)
        self._believed: deque[Believed[Received]] = deque()
        self._letters: list[Record] = []
        self._dead_letters = dead_letters
        self._dead_letter_topic = dead_letter_topic
        self._quota = DeadLetterQuota(now_s=_now_s)
        self._batch = LifecycleBatch(events=(), head=head, seal_key=seal_key, next_offset=offset)
        self._unreadable: LedgerUnreadable | None = None
        self._rewind_due_s = float("-inf")
        self._rewound_at = 0
        self._is_waiting = False

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
        """Where to read on after a restart; records before it may have to wait for their seal again."""
        return self._batch.next_offset

    @property
    def gap(self) -> LedgerGap | None:
        """Which events are missing, None if none are."""
        return self._batch.gap

    @property
    def has_believed(self) -> bool:
        """Whether events are sealed and were not returned yet."""
        return bool(self._believed)

    @property
    def read_offset(self) -> int:
        """The offset of the record that will be fetched next."""
        return self._reader.next_offset

    async def end_offset(self) -> int:
        """Return the offset that the topic's next record will get. Raises Unavailable."""
        return await self._reader.end_offset()

    async def read(self, timeout_s: float = 1.0, records_max: int = RECORDS_MAX) -> LifecycleBatch:
        """Return the next events, at most `records_max`; none if nothing came in time or the broker is away.

        Raises LedgerUnreadable once everything before the bad event was returned, and again at every call;
        Stalled, which is final too; and what `Publisher.publish` raises: then call again, nothing is lost.
        """
        if not self._believed and self._unreadable is None:
            await self._fetch(records_max, timeout_s)
        await self._send_letters()
        self._batch = self._next_batch(records_max)
        if self._unreadable is not None and not self._batch.events:
            raise self._unreadable
        return self._batch

    async def _fetch(self, records_max: int, timeout_s: float) -> None:
        try:
            records = await self._reader.read(records_max, timeout_s)
        except RecordsGone as gone:
            log.error("records_gone", reason=str(gone), do="the topic is read from its beginning")
            self._rewound_at = 0
            await self._rewind()
            return
        self._take(records)
        if self._unreadable is not None:
            return
        # Not before all is read again that was read before: what fills the gap may stand at the end.
        is_due = _now_s() >= self._rewind_due_s and self._reader.next_offset >= self._rewound_at
        if self._chain.gap is not None and is_due:
            log.error("ledger_gap", reason=str(self._chain.gap), do="docs/operating.md, A gap in the topic")
            self._rewound_at = self._reader.next_offset
            await self._rewind()
        self._note_unsealed(is_quiet=not records)

    async def _rewind(self) -> None:
        self._rewind_due_s = _now_s() + _REWIND_INTERVAL_S
        with suppress(Unavailable):
            await self._reader.rewind()

    def _take(self, records: Sequence[Received]) -> None:
        ours: list[tuple[ChainedRow, Received]] = []
        for received in records:
            try:
                ours.append((read_lifecycle_record(received), received))
            except NotOurs as foreign:
                self._skip(received, str(foreign))
        try:
            believed, forged = self._chain.take_all(ours)
        except Unfollowable as fault:
            believed, forged = self._chain.take_all(())
            self._end(self._chain.head, fault.row, fault)
        self._believed += believed
        for each in forged:
            self._skip(each, "no seal of the registry vouches for it")

    def _skip(self, received: Received, reason: str) -> None:
        FORGED_RECORDS.inc()
        if self._quota.take(1):
            log.error("forged_record", topic=received.topic, offset=received.offset, reason=reason)
            self._letters.append(dead_letter(received, reason=reason))

    async def _send_letters(self) -> None:
        if self._letters and self._dead_letters is not None:
            await self._dead_letters.publish(self._dead_letter_topic, 0, self._letters)
        self._letters.clear()

    def _note_unsealed(self, *, is_quiet: bool) -> None:
        UNSEALED_RECORDS.set(self._chain.unsealed)
        was_waiting, self._is_waiting = self._is_waiting, is_quiet and self._chain.unsealed > 0
        if self._is_waiting and not was_waiting:
            log.error(
                "unsealed_records", records=self._chain.unsealed, after_position=self._chain.head.position
            )

    def _next_batch(self, events_max: int) -> LifecycleBatch:
        events: list[RecordedEvent] = []
        head, seal_key = self._batch.head, self._batch.seal_key
        while self._believed and len(events) < events_max:
            link = self._believed[0].link
            try:
                events.append(understand(link.row, link.hash))
            except UnknownEvent as fault:
                self._end(head, link.row, fault)
                break
            seal_key, head = self._believed.popleft().seal_key, link.head
        return LifecycleBatch(
            events=tuple(events),
            head=head,
            seal_key=seal_key,
            next_offset=self._find_next_offset(),
            gap=self._chain.gap,
        )

    def _find_next_offset(self) -> int:
        held = [each.source.offset for each in list(self._believed)[:1]]
        if (oldest := self._chain.oldest) is not None:
            held.append(oldest.offset)
        return min(held, default=self._reader.next_offset)

    def _end(self, head: Head, row: Row, fault: UnknownEvent | Unfollowable) -> None:
        self._unreadable = LedgerUnreadable(head, row, fault)
        self._unreadable.__cause__ = fault


def _now_s() -> float:
    return asyncio.get_running_loop().time()
