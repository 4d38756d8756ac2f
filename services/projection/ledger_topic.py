"""The ledger as this service reads it: where it comes from, and a clear last word when it cannot go on."""

from dataclasses import dataclass

from libs.kafka.dead_letter_bound import DeadLetterBound
from libs.kafka.lifecycle_reader import LifecycleBatch, LifecycleReader
from libs.kafka.probe import require_answer
from libs.kafka.publisher import Publisher
from libs.runtime.failure import StopProcess
from libs.store.read_model_writer import Step
from libs.wire.chain import BrokenChain, Head, LedgerGap
from libs.wire.event_codec import UnknownEvent
from libs.wire.topics import DEAD_LETTER, LIFECYCLE

READ_TIMEOUT_S = 1.0


class LedgerUnreadable(StopProcess):
    """The next event cannot be trusted or understood. Stop: to skip it could be to miss a revocation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTopic:
    """The lifecycle topic, and where records go that no ledger sent."""

    bootstrap: str
    dead_letters: Publisher
    dead_letter_ratio_max: float
    name: str = LIFECYCLE.name
    dead_letter_name: str = DEAD_LETTER.name

    async def require_answer(self) -> None:
        """Return when Kafka answers. Raises Unavailable."""
        await require_answer(self.bootstrap)

    def reader(self, head: Head, offset: int, *, buries: bool) -> LifecycleReader:
        """Return a reader of what comes after the head. One that reads for the first time buries."""
        return LifecycleReader(
            self.bootstrap,
            head=head,
            offset=offset,
            dead_letters=self.dead_letters if buries else None,
            bound=DeadLetterBound(topic=self.name, ratio_max=self.dead_letter_ratio_max),
            topic=self.name,
            dead_letter_topic=self.dead_letter_name,
            client_id="keyfold-projection",
        )


async def read_step(reader: LifecycleReader, events_max: int) -> Step | None:
    """Return what comes next, None when nothing does for a while. Raises LedgerUnreadable, Unavailable."""
    before = reader.next_offset
    try:
        batch = await reader.read(READ_TIMEOUT_S, events_max)
    except (LedgerGap, BrokenChain, UnknownEvent) as fault:
        position = reader.head.position
        raise LedgerUnreadable(f"the ledger cannot be followed past position {position}: {fault}") from fault
    return None if batch.next_offset == before else _step(batch)


def _step(batch: LifecycleBatch) -> Step:
    return Step(events=batch.events, head=batch.head, next_offset=batch.next_offset)
