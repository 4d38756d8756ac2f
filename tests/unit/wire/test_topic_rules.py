"""What is wrong with a topic, and whether it may be worked with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyfold.wire.topic_rules import Topic, topic_faults
from keyfold.wire.topics import ACCESS, ALL, DEAD_LETTER, LIFECYCLE, TopicSpec

HOUR_MS = str(60 * 60 * 1000)
COMPACTED = {"cleanup.policy": "compact"}
FATAL, WARNED = True, False


def as_specified(spec: TopicSpec) -> Topic:
    """Return a topic that has nothing wrong with it."""
    return Topic(
        partitions=spec.partitions, copies=3, config=dict(spec.config) | {"min.insync.replicas": "2"}
    )


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_nothing_is_wrong_with_what_was_specified(spec: TopicSpec) -> None:
    """A topic as it is made has no faults, and one copy on the only broker is none."""
    assert list(topic_faults(spec, as_specified(spec))) == []
    assert list(topic_faults(spec, Topic(partitions=spec.partitions, copies=1, config=spec.config))) == []


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
@pytest.mark.parametrize("policy", ["compact", "compact,delete", "delete,compact"])
def test_compaction_is_fatal(spec: TopicSpec, policy: str) -> None:
    """No topic may be worked with that keeps the last record of a key alone; the mend names the command."""
    found = as_specified(spec)
    (fault,) = topic_faults(spec, replace(found, config=dict(found.config) | {"cleanup.policy": policy}))
    assert fault.fatal
    assert str(fault) == (
        f"{spec.name}: cleanup.policy is {policy}, which removes all but the last record of a key; "
        f"kafka-configs.sh --alter --entity-type topics --entity-name {spec.name} "
        "--add-config cleanup.policy=delete"
    )


def test_a_history_has_one_partition() -> None:
    """More partitions lose the order of the lifecycle topic; of the others there may be any number."""
    assert [
        fault.fatal for fault in topic_faults(LIFECYCLE, replace(as_specified(LIFECYCLE), partitions=2))
    ] == [FATAL]
    for spec in (ACCESS, DEAD_LETTER):
        assert list(topic_faults(spec, replace(as_specified(spec), partitions=64))) == []


@pytest.mark.parametrize(
    ("name", "value", "of_the_history", "of_the_others"),
    [
        ("retention.ms", HOUR_MS, [FATAL], [WARNED]),
        ("retention.ms", "-1", [], []),
        ("retention.bytes", "1000", [FATAL], [WARNED]),
        ("message.timestamp.type", "CreateTime", [], [WARNED]),
        ("min.insync.replicas", "1", [WARNED], [WARNED]),
        ("unclean.leader.election.enable", "true", [WARNED], [WARNED]),
        ("max.message.bytes", "1000", [WARNED], [WARNED]),
    ],
)
def test_what_loses_records(
    name: str, value: str, of_the_history: list[bool], of_the_others: list[bool]
) -> None:
    """Whatever deletes the history is fatal; what shortens other topics, or loses copies, is warned about."""
    for spec in ALL:
        found = as_specified(spec)
        faults = list(topic_faults(spec, replace(found, config=dict(found.config) | {name: value})))
        severities = [fault.fatal for fault in faults]
        assert severities == (of_the_history if spec.is_ordered else of_the_others)
        assert all(f"{name}=" in fault.mend for fault in faults)


def test_lengths_are_said_in_words() -> None:
    """An hour is said to be an hour, and for ever is not -1."""
    found = as_specified(LIFECYCLE)
    (fault,) = topic_faults(LIFECYCLE, replace(found, config=dict(found.config) | {"retention.ms": HOUR_MS}))
    assert fault.wrong == "records are deleted after 1 h, and must be kept for ever"
