"""A publisher whose first answers are lost."""

from __future__ import annotations

from collections.abc import Sequence

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.errors import OutcomeUnknown
from keyfold.kafka.publisher import Publisher
from keyfold.wire.record import Record


class LosesAnswers(Publisher):
    """Publishes, but its first calls report an unknown outcome: the record is there, the answer lost."""

    def __init__(self, options: ProducerOptions, *, times: int) -> None:
        super().__init__(options)
        self._left = times

    async def publish(self, topic: str, partition: int, records: Sequence[Record]) -> int | None:
        """Publish, and perhaps raise that the outcome is unknown."""
        end = await super().publish(topic, partition, records)
        if self._left:
            self._left -= 1
            raise OutcomeUnknown("the answer was lost")
        return end
