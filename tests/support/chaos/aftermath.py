"""What must be true once everything is back: no answer is lost, nothing is there twice, all views agree."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keyfold.domain.access.decision import Reason
from keyfold.domain.lifecycle.state import State
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.partition_reader import PartitionReader
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.reader import Reader
from keyfold.local.signing_keys import SEAL_KEY
from keyfold.projection.lifecycle_topic import LifecycleTopic
from keyfold.projection.replay import Replay, Report
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.shipper.run_journal import RunJournal
from keyfold.store.postgres.connection import Pool
from keyfold.store.read_model.reader import ReadModel
from keyfold.store.read_model.snapshots import Snapshots
from keyfold.wire.events.chain import GENESIS, ChainedRow, understand
from keyfold.wire.events.record import read_lifecycle_record
from keyfold.wire.proof.seal import TrustedKeys, load_trusted_keys
from keyfold.wire.topics import ACCESS, LIFECYCLE
from tests.support.chaos.faults.wire import Answer
from tests.support.chaos.owner import Done
from tests.support.chaos.stack import ChaosStack
from tests.support.chaos.traffic import Traffic
from tests.support.eventually import eventually
from tests.support.seals import follow, ledger_on
from tests.support.state_secret import STATE_SECRET

SETTLED_WITHIN_S = 60.0
ROWS_MAX = 1_000_000
PARTITIONS = dict.fromkeys(range(ACCESS.partitions), 0)

ROWS = "select event_id::text, path, reason from access_log.events where path like '/v1/%/' || $1 || '-%'"
RUNS = """select gatekeeper, count(*) as rows, count(distinct seq) as numbers, max(seq) as last
          from access_log.events group by gatekeeper"""
OFFSETS = "select partition, next_offset from access_log.offsets where topic = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """The rows of one traffic, those that nobody got an answer for, and Kafka's duplicates."""

    rows: int
    unanswered: int
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """Checks everything from outside of all processes."""

    stack: ChaosStack
    pool: Pool

    async def check_access_log(self, traffic: Traffic) -> Logged:
        """Each decision that a client saw is in the log once, and no other row but those of cut requests."""
        records = await self.all_filed()
        rows = await self.pool.fetch(ROWS, traffic.mark)
        decided = {answer.decision: answer for answer in traffic.decided.values()}
        by_id = Counter(row["event_id"] for row in rows)
        by_path = Counter(row["path"] for row in rows)

        assert len(decided) == len(traffic.decided)
        assert decided.keys() - by_id.keys() == set()
        assert {each: times for each, times in (by_id | by_path).items() if times > 1} == {}
        unanswered = [row["path"] for row in rows if row["event_id"] not in decided]
        assert set(unanswered) <= traffic.asked - traffic.answered.keys()
        assert [row for row in rows if row["event_id"] in decided and not _agree(row, decided)] == []
        runs = await self.pool.fetch(RUNS)
        assert [run for run in runs if not run["rows"] == run["numbers"] == run["last"]] == []
        total = sum(run["rows"] for run in runs)
        return Logged(rows=len(rows), unanswered=len(unanswered), repeats=records - total)

    async def check_ledger(self, done: Sequence[Done], sent: set[str], mark: str) -> int:
        """No gap, an unbroken chain, each successful command there once; return the head's position."""
        rows = [row for row, *_ in await self._ledger()]
        ids = Counter(row.request_id for row in rows if row.request_id.startswith(f"{mark}-"))
        events = Counter((row.stream, row.type) for row in rows)

        assert [row.position for row in rows] == list(range(1, len(rows) + 1))
        assert ids.keys() <= sent
        assert {each: times for each, times in ids.items() if times > 1} == {}
        assert [each for each in done if events[each.stream, each.type] != 1] == []
        assert {each.request_id for each in done if each.type.endswith(".created")} <= ids.keys()
        return len(rows)

    async def check_topic(self, head: int) -> int:
        """Return how many events the lifecycle topic repeats; it must skip none."""
        positions: list[int] = []
        async with PartitionReader(self.stack.kafka.access, LIFECYCLE.name, offset=0) as reader:
            end = await reader.end_offset()
            while reader.next_offset < end:
                batch = await reader.read()
                positions += [read_lifecycle_record(received)[0].position for received in batch]
        last = 0
        for position in positions:
            assert position <= last + 1
            last = max(last, position)
        assert last == head
        return len(positions) - head

    async def check_read_model(self, head: int) -> None:
        """The read model is what the ledger folds into, and a replay finds no difference."""
        snapshots = Snapshots(self.pool, STATE_SECRET)
        assert await ReadModel(self.pool).caught_up(head, SETTLED_WITHIN_S)
        folded = State()
        for row, row_hash, _ in await self._ledger():
            folded.fold(understand(row, row_hash).event)
        snapshot = await snapshots.snapshot()
        await snapshots.check()
        assert snapshot.head == await ledger_on(self.pool).head()
        assert snapshot.state == folded
        report = await self._replayed()
        assert (report.position, report.differences) == (head, ())

    async def _ledger(self) -> list[ChainedRow]:
        rows, head = await ledger_on(self.pool).rows_after(0, ROWS_MAX), GENESIS
        for row, row_hash, _ in rows:
            after = follow(head, row, row_hash)
            assert after is not None
            head = after
        assert head == await ledger_on(self.pool).head()
        return rows

    def _trusted(self) -> TrustedKeys:
        return load_trusted_keys(SEAL_KEY.public(self.stack.state.path).read_bytes())

    async def _replayed(self) -> Report:
        kafka = self.stack.kafka.access
        async with Publisher(ProducerOptions(kafka=kafka)) as publisher:
            topic = LifecycleTopic(kafka=kafka, dead_letters=publisher, trusted=self._trusted())
            dsn = self.stack.postgres.dsn
            return await Replay(
                dsn=dsn, pool=self.pool, topic=topic, clock=SYSTEM_CLOCK, secret=STATE_SECRET
            ).run()

    async def all_filed(self) -> int:
        """Return how many access events Kafka has, once all that were journalled are there and filed."""

        async def is_shipped() -> bool:
            return self._unshipped_bytes() == 0

        await eventually(is_shipped, within_s=SETTLED_WITHIN_S)
        ends = await self._ends()

        async def is_filed() -> bool:
            filed = {
                row["partition"]: row["next_offset"] for row in await self.pool.fetch(OFFSETS, ACCESS.name)
            }
            return all(filed.get(partition, 0) >= end for partition, end in ends.items())

        await eventually(is_filed, within_s=SETTLED_WITHIN_S)
        return sum(ends.values())

    def _unshipped_bytes(self) -> int | None:
        with contextlib.suppress(FileNotFoundError):  # the shipper takes away what is done with
            runs = [each for each in self.stack.state.journal.iterdir() if each.is_dir()]
            return sum(RunJournal(run).unshipped_bytes() for run in runs)
        return None

    async def _ends(self) -> Mapping[int, int]:
        async with Reader(self.stack.kafka.access, ACCESS.name, PARTITIONS) as reader:
            return await reader.end_offsets()


def _agree(row: Mapping[str, str | None], decided: Mapping[str | None, Answer]) -> bool:
    answer = decided[row["event_id"]]
    # An allow that was overtaken between its record and its answer is answered `stale`: never the other way.
    return answer.reason == row["reason"] or (row["reason"] is None and answer.reason == Reason.STALE)
