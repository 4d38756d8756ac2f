"""The lifecycle topic as this service reads it, step by step."""

from dataclasses import dataclass

from keyfold.kafka.lifecycle_reader import LifecycleBatch, LifecycleReader
from keyfold.kafka.probe import require_answer
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.read_model.writer import Step
from keyfold.wire.events.chain import Head
from keyfold.wire.proof.seal import TrustedKeys
from keyfold.wire.proof.sealed_chain import UNSEALED_MAX
from keyfold.wire.topics import DEAD_LETTER, LIFECYCLE

CLIENT_ID = "keyfold-projection"
READ_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleTopic:
    """The lifecycle topic, and where records go that did not come from the ledger."""

    kafka: KafkaAccess
    dead_letters: Publisher
    trusted: TrustedKeys
    accepts_unsealed: bool = False
    name: str = LIFECYCLE.name
    dead_letter_name: str = DEAD_LETTER.name
    client_id: str = CLIENT_ID

    async def require_answer(self) -> None:
        """Return when Kafka answers. Raises Unavailable."""
        await require_answer(self.kafka)

    def make_reader(
        self,
        head: Head,
        offset: int,
        *,
        seal_key: bytes | None,
        dead_letters: bool,
        unsealed_max: int = UNSEALED_MAX,
    ) -> LifecycleReader:
        """Return a reader of what comes after the head; `dead_letters` says whether it sends dead letters."""
        return LifecycleReader(
            self.kafka,
            head=head,
            offset=offset,
            dead_letters=self.dead_letters if dead_letters else None,
            trusted=self.trusted,
            seal_key=seal_key,
            unsealed_max=unsealed_max,
            accepts_unsealed=self.accepts_unsealed,
            topic=self.name,
            dead_letter_topic=self.dead_letter_name,
            client_id=self.client_id,
        )


async def read_step(reader: LifecycleReader, events_max: int) -> Step | None:
    """Return the next step, or None if nothing comes for a while. Raises LedgerUnreadable, Unavailable."""
    before = reader.next_offset
    batch = await reader.read(READ_TIMEOUT_S, events_max)
    return _step(batch) if batch.events or batch.next_offset != before else None


def _step(batch: LifecycleBatch) -> Step:
    return Step(
        events=batch.events,
        head=batch.head,
        next_offset=batch.next_offset,
        seal_key=batch.seal_key or b"",
    )
