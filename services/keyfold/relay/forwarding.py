"""Forwards the ledger: events after the relay's offset go to Kafka, and what Kafka has moves the offset."""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from keyfold.kafka.errors import OutcomeUnknown, Unavailable
from keyfold.kafka.publisher import Publisher
from keyfold.relay import metrics
from keyfold.runtime.failure import StopProcess
from keyfold.runtime.retrying import Patience
from keyfold.store.ledger.reading import LedgerReader
from keyfold.store.ledger.relay_offset import RelayOffset
from keyfold.store.postgres.notifications import Notifications
from keyfold.wire.events.chain import ChainedRow, LedgerGap
from keyfold.wire.events.record import lifecycle_record
from keyfold.wire.topics import LIFECYCLE

PARTITION = 0
POLL_INTERVAL_S = 1.0

log = structlog.get_logger(__name__)


class TopicMadeAnew(StopProcess):
    """The topic ends before what was forwarded to it: it was deleted, or Kafka lost its end.

    Stop: the next events would follow a gap.
    """

    def __init__(self, topic: str, end_offset: int, position: int) -> None:
        super().__init__(
            f"{topic} ends at offset {end_offset}, and {position} events were forwarded to it: it was deleted"
            " and made anew, or lost its end; `keyfold ledger republish` fills it again"
        )


class Forwarding:
    """The work of the leading relay. It may repeat events after a crash, and never skips or reorders any."""

    def __init__(
        self,
        ledger: LedgerReader,
        offset: RelayOffset,
        publisher: Publisher,
        notifications: Notifications,
        *,
        topic_end: Callable[[], Awaitable[int]],
        batch_rows_max: int,
        topic: str = LIFECYCLE.name,
    ) -> None:
        self._ledger = ledger
        self._offset = offset
        self._publisher = publisher
        self._notifications = notifications
        self._topic_end = topic_end
        self._batch_rows_max = batch_rows_max
        self._topic = topic
        self._patience = Patience()

    def unready(self) -> str | None:
        """Return what keeps events from being forwarded, or None. A standby is ready."""
        return self._patience.trouble

    async def run(self) -> None:
        """Forward until cancelled.

        Raises DatabaseAway, LeadershipLost, LedgerGap, TopicMadeAnew or what Kafka refuses.
        """
        position = await self._offset.position()
        await self._require_forwarded(position)
        log.info("forwarding", position=position)
        while True:
            found = await self._ledger.rows_after(position, self._batch_rows_max)
            await self._measure(position, len(found))
            rows = _end_at_seal(found)
            # An operator may have set it back, to fill the topic again.
            position = await (self._forward(position, rows) if rows else self._offset.position())
            if len(found) < self._batch_rows_max:
                # Events that were appended after this read have been notified since, or will be.
                await self._notifications.wait(POLL_INTERVAL_S)

    async def _require_forwarded(self, position: int) -> None:
        # Each event is at least one record, so a topic that has them all is at least as long.
        end = await self._patience.retry("Kafka", self._topic_end, on=(Unavailable,))
        self._require_room(end, position)

    def _require_room(self, end: int | None, position: int) -> None:
        if end is not None and end < position:
            raise TopicMadeAnew(self._topic, end, position)

    async def _forward(self, position: int, rows: Sequence[ChainedRow]) -> int:
        first, last = rows[0].row.position, rows[-1].row.position
        if first != position + 1 or last != position + len(rows):
            raise LedgerGap(last=position, found=first if first != position + 1 else last)
        end = await self._publish(rows)
        self._require_room(end, last)
        await self._offset.advance(position, last)
        metrics.POSITION.set(last)
        metrics.LAG_EVENTS.dec(len(rows))
        return last

    async def _publish(self, rows: Sequence[ChainedRow]) -> int | None:
        """Return where the topic ends, once Kafka has acknowledged every row, however long that takes.

        After an unknown outcome all of them are sent again, in order, so they leave no gap.
        """
        records = [lifecycle_record(*link) for link in rows]
        return await self._patience.retry(
            "Kafka",
            lambda: self._publisher.publish(self._topic, PARTITION, records),
            on=(Unavailable, OutcomeUnknown),
        )

    async def _measure(self, position: int, found: int) -> None:
        # Fewer rows than were asked for are all there are: a revocation need not wait until they are counted.
        is_all = 0 < found < self._batch_rows_max
        lag = found if is_all else (await self._ledger.head()).position - position
        metrics.POSITION.set(position)
        metrics.LAG_EVENTS.set(lag)


def _end_at_seal(rows: Sequence[ChainedRow]) -> Sequence[ChainedRow]:
    """Return the rows up to the last seal among them: what a seal covers is published together with it."""
    sealed = max((index for index, link in enumerate(rows, 1) if link.seal is not None), default=len(rows))
    return rows[:sealed]
