"""What became of some journals' events, twice: by the log's own report, and by their clients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from keyfold.kafka.reader import Reader
from keyfold.local.signing import LocalSigner
from keyfold.local.stack import answers_ready
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.postgres.connection import Pool
from keyfold.wire.access.codec import ACCESS_TYPE
from keyfold.wire.topics import ACCESS, DEAD_LETTER
from tests.support.chaos.journalling import Journalling
from tests.support.chaos.owner import OPERATOR
from tests.support.chaos.stack import ChaosStack
from tests.support.eventually import eventually
from tests.support.kafka.records import read_all

SETTLED_WITHIN_S = 300.0
ANSWERS_WITHIN_S = 60.0
ROWS = "select event_id::text from access_log.events where gatekeeper like $1 || '.%'"
OFFSETS = "select partition, next_offset from access_log.offsets where topic = $1"
# Each member holds one lock for being one, and one for each of its partitions.
SHARES = (
    "select pid, count(*) as taken from pg_locks where locktype = 'advisory' and objsubid = 2 group by pid"
)
PAGE_ITEMS = 1000
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What clients were told, and what the log has of it; `dropped` came again and was left out."""

    events: int
    rows: int
    missing: int
    twice: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """Checks everything from outside of all processes."""

    stack: ChaosStack
    pool: Pool

    async def settled(self, *journals: Journalling) -> None:
        """Return when these journals are shipped and removed, and all of Kafka is filed."""

        async def is_shipped() -> bool:
            return not any(_is_there(each) for each in journals)

        await eventually(is_shipped, within_s=SETTLED_WITHIN_S)
        ends = await self.ends()

        async def is_filed() -> bool:
            filed = await self.filed()
            return all(filed.get(partition, 0) >= end for partition, end in ends.items())

        await eventually(is_filed, within_s=SETTLED_WITHIN_S)

    async def shared_by(self, members: int) -> None:
        """Return when this many audit services share the partitions, and each has some."""

        async def are_sharing() -> bool:
            return [row["taken"] > 1 for row in await self.pool.fetch(SHARES)] == [True] * members

        await eventually(are_sharing)

    async def filed(self) -> dict[int, int]:
        """Return the next offset to be filed from each partition."""
        return {row["partition"]: row["next_offset"] for row in await self.pool.fetch(OFFSETS, ACCESS.name)}

    async def goes_on(self) -> None:
        """Return when more of Kafka is filed than now."""
        before = sum((await self.filed()).values())

        async def is_more() -> bool:
            return sum((await self.filed()).values()) > before

        await eventually(is_more, within_s=SETTLED_WITHIN_S)

    async def ends(self) -> Mapping[int, int]:
        """Return the end of each partition of the access topic."""
        partitions = dict.fromkeys(range(ACCESS.partitions), 0)
        async with Reader(self.stack.kafka.access, ACCESS.name, partitions) as reader:
            return await reader.end_offsets()

    async def came(self, since: Mapping[int, int]) -> int:
        """Return how many access events Kafka got since these ends, repeats included."""
        kafka = self.stack.kafka.access
        records = [
            record
            for partition, offset in since.items()
            for record in await read_all(kafka, ACCESS.name, partition, offset=offset)
        ]
        return sum(dict(record.headers).get("ce_type") == ACCESS_TYPE.encode() for record in records)

    async def dead_letters(self) -> int:
        """Return how many records have a dead letter; a process killed over one may have sent it twice."""
        letters = await read_all(self.stack.kafka.access, DEAD_LETTER.name)
        return len({dict(each.headers)["ce_id"] for each in letters})

    async def check(self, journalling: Journalling, report: Sequence[Item]) -> Count:
        """Nothing is missing, nothing is twice, nothing is unknown: both ways agree."""
        rows = Counter(row["event_id"] for row in await self.pool.fetch(ROWS, journalling.mark))
        items = [each for each in report if each["gatekeeper"].startswith(f"{journalling.mark}.")]
        count = Count(
            events=len(journalling.told),
            rows=rows.total(),
            missing=len(journalling.told - rows.keys()),
            twice=rows.total() - len(rows),
            dropped=sum(item["duplicates"] for item in items),
        )
        assert rows.keys() - journalling.told == set()
        assert (count.missing, count.twice) == (0, 0), count
        assert [each for each in items if each["missing"] or each["extra"]] == []
        assert sum(each["filed"] for each in items) == sum(each["expected"] for each in items) == count.rows
        assert {each["gatekeeper"] for each in items if each["ended"]} == journalling.whole
        return count

    async def report(self) -> Sequence[Item]:
        """Return what the audit service says about every run and hour, as soon as it answers."""
        await eventually(lambda: answers_ready(self.stack.ports["audit"]), within_s=ANSWERS_WITHIN_S)
        token = LocalSigner(self.stack.state.path).sign(OPERATOR, now=SYSTEM_CLOCK.now(), ttl_s=300)
        url = f"{self.stack.endpoints.url('audit')}/v1/audit/completeness"
        items: list[Item] = []
        query = {"limit": str(PAGE_ITEMS)}
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
            while True:
                async with session.get(url, params=query) as answer:
                    page = await answer.json()
                assert answer.status == 200, page
                items += page["items"]
                if page["next_cursor"] is None:
                    return items
                query["cursor"] = page["next_cursor"]


def _is_there(journalling: Journalling) -> bool:
    return any(journalling.root.glob(f"{journalling.mark}.*"))
