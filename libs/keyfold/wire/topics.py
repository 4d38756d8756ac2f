"""Keyfold's Kafka topics, and how each is configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """A topic as it is created: its name, its number of partitions, and its configuration.

    One that `is_ordered` is a history: it must not get more partitions, or lose records.
    """

    name: str
    partitions: int
    is_ordered: bool = False
    config: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


# One partition is a total order, on which "the state as of position N" rests. Kept for ever, because a read
# model is rebuilt from position 1. Never compacted, because every event counts, not only a key's last.
LIFECYCLE = TopicSpec(
    name="keyfold.lifecycle.v1",
    partitions=1,
    is_ordered=True,
    config=MappingProxyType({"retention.ms": "-1", "cleanup.policy": "delete"}),
)

# Retention counts from a record's timestamp. With the event's own time, a journal that is shipped late would
# be deleted before it is read, and one from a fast clock refused. So the event's time is in `ce_time`.
BY_ARRIVAL = {"message.timestamp.type": "LogAppendTime"}

# Keyed by subscriber key id. The audit service may be away for a week before anything is lost.
ACCESS = TopicSpec(
    name="keyfold.access.v1",
    partitions=8,
    config=MappingProxyType({"retention.ms": str(7 * DAY_MS), "cleanup.policy": "delete", **BY_ARRIVAL}),
)

DEAD_LETTER = TopicSpec(
    name="keyfold.dead-letter.v1",
    partitions=1,
    config=MappingProxyType({"retention.ms": str(30 * DAY_MS), "cleanup.policy": "delete", **BY_ARRIVAL}),
)

ALL = (LIFECYCLE, ACCESS, DEAD_LETTER)
