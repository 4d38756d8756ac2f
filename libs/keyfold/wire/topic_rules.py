"""What correctness rests on in a topic, and which of its properties lose records or their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from keyfold.wire.topics import TopicSpec

FOR_EVER: Final = -1
_ALTER: Final = "kafka-configs.sh --alter --entity-type topics --entity-name"
_BATCH_BYTES: Final = 1024 * 1024  # what producers send at once, with room for a record that is larger


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as the broker describes it; `copies` is how many replicas its partitions have at least."""

    partitions: int
    copies: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFault:
    """One thing that is wrong with a topic, and what mends it.

    What is `fatal` loses records that are still needed, or their order: nobody may work with such a topic.
    The rest is an operator's risk to take, and is warned about.
    """

    topic: str
    wrong: str
    mend: str
    fatal: bool

    def __str__(self) -> str:
        return f"{self.topic}: {self.wrong}; {self.mend}"


def topic_faults(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    """Yield what is wrong with a topic that is to be as the spec says, the fatal first."""
    yield from _order(spec, found)
    yield from _compaction(spec, found)
    yield from _retention(spec, found)
    yield from _copies(spec, found)
    yield from _sizes(spec, found)


def _order(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    if spec.is_ordered and found.partitions != spec.partitions:
        yield TopicFault(
            topic=spec.name,
            wrong=f"it has {found.partitions} partitions, and only the records of one are in order",
            mend=f"delete it and let it be made anew with {spec.partitions}",
            fatal=True,
        )


def _compaction(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    policy = found.config.get("cleanup.policy", "delete")
    if policy != "delete":
        yield _altered(
            spec,
            "cleanup.policy",
            "delete",
            f"cleanup.policy is {policy}, which removes all but the last record of a key",
            fatal=True,
        )


def _retention(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    wanted_ms = int(spec.config["retention.ms"])
    found_ms = int(found.config.get("retention.ms", wanted_ms))
    if found_ms != FOR_EVER and (wanted_ms == FOR_EVER or found_ms < wanted_ms):
        yield _altered(
            spec,
            "retention.ms",
            str(wanted_ms),
            f"records are deleted after {_length(found_ms)}, and must be kept {_length(wanted_ms)}",
            fatal=spec.is_ordered,
        )
    if (found_bytes := int(found.config.get("retention.bytes", FOR_EVER))) != FOR_EVER:
        yield _altered(
            spec,
            "retention.bytes",
            str(FOR_EVER),
            f"records are deleted past {found_bytes:,} bytes, however young they are",
            fatal=spec.is_ordered,
        )
    stamp, wanted = found.config.get("message.timestamp.type"), spec.config.get("message.timestamp.type")
    if wanted is not None and stamp != wanted:
        yield _altered(
            spec,
            "message.timestamp.type",
            wanted,
            f"message.timestamp.type is {stamp}, so what comes late is deleted before it is read",
            fatal=False,
        )


def _copies(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    if found.copies < 2:
        return  # one broker is a choice, and has nothing to lose a copy to
    if int(found.config.get("min.insync.replicas", "2")) < 2:
        yield _altered(
            spec,
            "min.insync.replicas",
            "2",
            "a record counts as written with one copy, and is lost with that broker",
            fatal=False,
        )
    if found.config.get("unclean.leader.election.enable") == "true":
        yield _altered(
            spec,
            "unclean.leader.election.enable",
            "false",
            "a broker that lacks records may lead, and they are lost",
            fatal=False,
        )


def _sizes(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    if (bytes_max := int(found.config.get("max.message.bytes", _BATCH_BYTES))) < _BATCH_BYTES:
        yield _altered(
            spec,
            "max.message.bytes",
            str(_BATCH_BYTES),
            f"it takes no batch of more than {bytes_max:,} bytes, and larger ones are sent",
            fatal=False,
        )


def _altered(spec: TopicSpec, name: str, value: str, wrong: str, *, fatal: bool) -> TopicFault:
    return TopicFault(
        topic=spec.name,
        wrong=wrong,
        mend=f"{_ALTER} {spec.name} --add-config {name}={value}",
        fatal=fatal,
    )


def _length(ms: int) -> str:
    if ms == FOR_EVER:
        return "for ever"
    hours, rest = divmod(ms, 3_600_000)
    if rest or not hours:
        return f"{ms:,} ms"
    days, rest = divmod(hours, 24)
    return f"{hours} h" if rest else f"{days} d"
