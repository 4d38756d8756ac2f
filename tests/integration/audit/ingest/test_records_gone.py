"""A consumer that fell behind what Kafka keeps: told by partition and offset, and missing to the number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from keyfold.kafka.reader import Reader
from keyfold.runtime.metrics import REGISTRY
from keyfold.store.access_log.completeness.numbers import NumberRange
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import access_event
from tests.support.audit.accounts import report_of
from tests.support.audit.following import consuming
from tests.support.audit.rows import has
from tests.support.ingest.wires import Wires
from tests.support.kafka.records import delete_before

pytestmark = pytest.mark.usefixtures("partitions")


async def publish(wires: Wires, numbers: Iterable[int], partition: int = 0) -> None:
    """Publish the events of these numbers."""
    await wires.publish(*map(access_event, numbers), partition=partition)


def count_gone() -> float:
    """Return how many records of the first partition are counted as gone."""
    return REGISTRY.get_sample_value("keyfold_audit_gone_total", {"partition": "0"}) or 0.0


def alarms(logs: Iterable[Mapping[str, Any]]) -> list[tuple[int, int, int]]:
    """Return what the log says is gone: each time the partition, the first offset and the last."""
    errors = [each for each in logs if each["log_level"] == "error"]
    assert {each["event"] for each in errors} <= {"records_gone"}
    return [(each["partition"], each["first"], each["last"]) for each in errors]


async def test_what_kafka_deleted_is_told_and_passed_over(wires: Wires, pool: Pool) -> None:
    """A partition goes on at its oldest record; what is gone is an error, a count, and missing numbers."""
    await publish(wires, range(1, 4))
    async with consuming(wires, pool):
        await has(pool, 1, 2, 3)
    await publish(wires, range(4, 11))
    await publish(wires, range(11, 13), partition=1)
    await delete_before(wires.kafka, wires.topic, 8)
    before = count_gone()
    with capture_logs() as logs:
        async with consuming(wires, pool):
            await has(pool, 1, 2, 3, 9, 10, 11, 12)
            await publish(wires, [13])
            await has(pool, 1, 2, 3, 9, 10, 11, 12, 13)
    assert alarms(logs) == [(0, 3, 7)]
    assert count_gone() - before == 5
    [hour] = await report_of(pool)
    assert (hour.missing, hour.missing_ranges) == (5, [NumberRange(first=4, last=8)])


class IsOvertaken(Reader):
    """A reader to whose partition something happens right after it was asked where that begins, once."""

    def __init__(self, wires: Wires, *, deleted_before: int) -> None:
        super().__init__(wires.kafka, wires.topic)
        self._wires = wires
        self._deleted_before: int | None = deleted_before

    async def first_offsets(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Return what was true a moment ago."""
        firsts = await super().first_offsets(partitions)
        if self._deleted_before is not None:
            await delete_before(self._wires.kafka, self._wires.topic, self._deleted_before)
            self._deleted_before = None
        return firsts


async def test_deletion_overtakes_a_reader(wires: Wires, pool: Pool) -> None:
    """Records that go while they are being read are told just so, and the partition goes on."""
    await publish(wires, [1])
    async with consuming(wires, pool):
        await has(pool, 1)
    await publish(wires, range(2, 10))
    with capture_logs() as logs:
        async with consuming(wires, pool, reader=IsOvertaken(wires, deleted_before=6)):
            await has(pool, 1, 7, 8, 9)
    assert alarms(logs) == [(0, 1, 5)]
