"""The Kafka topics that Keyfold writes and reads, and how each is configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """A topic as it is created: its name, how many partitions it has, and its configuration.

    One that `is_ordered` is a history: its partitions may not become more, nor its records less.
    """

    name: str
    partitions: int
    is_ordered: bool = False
    config: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


# One partition is a total order, which is what "the state as of position N" means; kept for ever, because
# a read model is rebuilt from position 1; never compacted, because every event counts, not the last of a key.
LIFECYCLE = TopicSpec(
    name="keyfold.lifecycle.v1",
    partitions=1,
    is_ordered=True,
    config=MappingProxyType({"retention.ms": "-1", "cleanup.policy": "delete"}),
)

# Retention counts from a record's timestamp. By the event's own time a journal that was shipped late would be
# deleted before it is read, and one from a clock that is ahead refused; the event's time is in `ce_time`.
BY_ARRIVAL = {"message.timestamp.type": "LogAppendTime"}

# Keyed by subscriber key id. A week is how long the audit service may be away before anything is lost.
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
