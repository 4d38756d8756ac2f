"""Which properties of a topic would lose records or their order."""

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
    """A topic as the broker describes it; `copies` is the smallest number of replicas of its partitions.

    `config` is empty if it may not be seen.
    """

    partitions: int
    copies: int
    config: Mapping[str, str]

    @property
    def kept(self) -> str:
        """For how long its records are kept, in words."""
        ms = self.config.get("retention.ms")
        return "unknown" if ms is None else _duration(int(ms))


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFault:
    """One thing that is wrong with a topic, and what corrects it.

    A `fatal` fault loses records that are still needed, or their order: no service may use such a topic.
    Others are an operator's risk to take, and cause a warning.
    """

    topic: str
    wrong: str
    mend: str
    fatal: bool

    def __str__(self) -> str:
        return f"{self.topic}: {self.wrong}; {self.mend}"


def topic_faults(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    """Yield what is wrong with a topic that should be as the spec says."""
    yield from _check_order(spec, found)
    yield from _check_compaction(spec, found)
    yield from _check_retention(spec, found)
    yield from _check_copies(spec, found)
    yield from _check_sizes(spec, found)


def _check_order(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    if spec.is_ordered and found.partitions != spec.partitions:
        yield TopicFault(
            topic=spec.name,
            wrong=f"it has {found.partitions} partitions, and only the records of one are in order",
            mend=f"delete it and let it be made anew with {spec.partitions}",
            fatal=True,
        )


def _check_compaction(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    policy = found.config.get("cleanup.policy", "delete")
    if policy != "delete":
        yield _config_fault(
            spec,
            "cleanup.policy",
            "delete",
            f"cleanup.policy is {policy}, which removes all but the last record of a key",
            fatal=True,
        )


def _check_retention(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    wanted_ms = int(spec.config["retention.ms"])
    found_ms = int(found.config.get("retention.ms", wanted_ms))
    if found_ms != FOR_EVER and (wanted_ms == FOR_EVER or found_ms < wanted_ms):
        yield _config_fault(
            spec,
            "retention.ms",
            str(wanted_ms),
            f"records are deleted after {_duration(found_ms)}, and must be kept {_duration(wanted_ms)}",
            fatal=spec.is_ordered,
        )
    if (found_bytes := int(found.config.get("retention.bytes", FOR_EVER))) != FOR_EVER:
        yield _config_fault(
            spec,
            "retention.bytes",
            str(FOR_EVER),
            f"records are deleted past {found_bytes:,} bytes, however young they are",
            fatal=spec.is_ordered,
        )
    stamp, wanted = found.config.get("message.timestamp.type"), spec.config.get("message.timestamp.type")
    if wanted is not None and stamp != wanted:
        yield _config_fault(
            spec,
            "message.timestamp.type",
            wanted,
            f"message.timestamp.type is {stamp}, so what comes late is deleted before it is read",
            fatal=False,
        )


def _check_copies(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    if found.copies < 2:
        return  # a single broker is a choice, and can have no second copy
    if int(found.config.get("min.insync.replicas", "2")) < 2:
        yield _config_fault(
            spec,
            "min.insync.replicas",
            "2",
            "a record counts as written with one copy, and is lost with that broker",
            fatal=False,
        )
    if found.config.get("unclean.leader.election.enable") == "true":
        yield _config_fault(
            spec,
            "unclean.leader.election.enable",
            "false",
            "a broker that lacks records may lead, and they are lost",
            fatal=False,
        )


def _check_sizes(spec: TopicSpec, found: Topic) -> Iterator[TopicFault]:
    if (bytes_max := int(found.config.get("max.message.bytes", _BATCH_BYTES))) < _BATCH_BYTES:
        yield _config_fault(
            spec,
            "max.message.bytes",
            str(_BATCH_BYTES),
            f"it takes no batch of more than {bytes_max:,} bytes, and larger ones are sent",
            fatal=False,
        )


def _config_fault(spec: TopicSpec, name: str, value: str, wrong: str, *, fatal: bool) -> TopicFault:
    return TopicFault(
        topic=spec.name,
        wrong=wrong,
        mend=f"{_ALTER} {spec.name} --add-config {name}={value}",
        fatal=fatal,
    )


def _duration(ms: int) -> str:
    if ms == FOR_EVER:
        return "for ever"
    hours, rest = divmod(ms, 3_600_000)
    if rest or not hours:
        return f"{ms:,} ms"
    days, rest = divmod(hours, 24)
    return f"{hours} h" if rest else f"{days} d"
