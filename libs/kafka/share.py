"""The share of a topic's partitions that a consumer group has given to this process."""

from __future__ import annotations

from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

Revoked = Callable[[frozenset[int]], None]


@ConsumerRebalanceListener.register
class Share:
    """What the group has assigned. The driver calls it from its own task, so it only takes note.

    A new partition is held at once, before the driver could fetch from it; `GroupReader.read` lets it go
    when it knows where to begin. (To ask the database here would race with the driver's own positioning,
    and the driver swallows what a listener raises.)
    """

    def __init__(self, revoked: Revoked) -> None:
        self._revoked = revoked
        self._consumer: AIOKafkaConsumer | None = None
        self.assigned: frozenset[int] = frozenset()
        self.change = 0
        self.taken_up = 0

    def of(self, consumer: AIOKafkaConsumer) -> None:
        """Belong to a new consumer, which has nothing yet."""
        self._consumer, self.assigned, self.change = consumer, frozenset(), self.change + 1

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Take note that everything is taken away, as it is before each rebalance."""
        self.assigned, self.change = frozenset(), self.change + 1
        self._revoked(frozenset(at.partition for at in revoked))

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Take note of what is ours now, and hold it."""
        if self._consumer is not None:
            self._consumer.pause(*assigned)
            for at in assigned:
                self._consumer.seek(at, 0)
        self.assigned, self.change = frozenset(at.partition for at in assigned), self.change + 1
