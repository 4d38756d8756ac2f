"""Members divide partitions by locks of a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from keyfold.store.postgres.connection import open_connection
from keyfold.store.postgres.errors import DatabaseAway
from keyfold.store.postgres.partition_shares import PartitionShare
from keyfold.store.postgres.statements import load_statements

TOPIC = "access"
PARTITIONS = 8
END_SESSIONS = """
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where application_name like 'keyfold reader of %' and datname = current_database()
"""


class Members:
    """Makes members of a topic, in a database of the test's own."""

    def __init__(self, dsn: str, stack: AsyncExitStack) -> None:
        self._dsn = dsn
        self._stack = stack

    async def __call__(self, topic: str = TOPIC) -> PartitionShare:
        """Return a member that has not settled yet."""
        return await self._stack.enter_async_context(PartitionShare(self._dsn, topic))


@pytest.fixture
async def members(database: str) -> AsyncIterator[Members]:
    """Members in a database of the test's own."""
    async with AsyncExitStack() as stack:
        yield Members(database, stack)


async def settled(*members: PartitionShare, partitions: int = PARTITIONS) -> Sequence[frozenset[int]]:
    """Return all shares after everyone has settled twice: to give back, and to take."""
    for _ in range(2):
        for each in members:
            await each.settle(partitions)
    return [await each.settle(partitions) for each in members]


def sizes(shares: Sequence[frozenset[int]]) -> list[int]:
    """Return the sizes of the shares, and check that each partition is in exactly one of them."""
    assert sorted(number for share in shares for number in share) == list(range(sum(map(len, shares))))
    return sorted(map(len, shares))


async def test_alone(members: Members) -> None:
    """A single member has all partitions, and those that are added to the topic."""
    member = await members()
    assert await member.settle(PARTITIONS) == frozenset(range(8))
    assert await member.settle(PARTITIONS + 1) == frozenset(range(9))


async def test_comers(members: Members) -> None:
    """A new member gets a fair share, in whatever order they settle; no partition has two members."""
    first, second, third = await members(), await members(), await members()
    assert sizes(await settled(first)) == [8]
    assert sizes(await settled(second, first)) == [4, 4]
    assert sizes(await settled(first, third, second)) == [2, 3, 3]


async def test_what_does_not_divide(members: Members) -> None:
    """No member has two partitions more than another, not even those who came first."""
    early = [await members(), await members()]
    assert sizes(await settled(*early, partitions=4)) == [2, 2]
    assert sizes(await settled(*early, await members(), partitions=4)) == [1, 1, 2]


async def test_keeps(members: Members) -> None:
    """No partition moves between members without need."""
    first, second = await members(), await members()
    before = await settled(first, second)
    assert await settled(second, first) == [before[1], before[0]]
    first_after, _, _ = await settled(first, second, await members())
    assert first_after <= before[0]


async def test_given_back_first(members: Members) -> None:
    """A member gets a partition only after its holder has settled, and so has filed what it read."""
    first, second = await members(), await members()
    await first.settle(PARTITIONS)
    assert await second.settle(PARTITIONS) == frozenset()
    assert len(await first.settle(PARTITIONS)) == 4
    assert len(await second.settle(PARTITIONS)) == 4


async def test_more_members_than_partitions(members: Members) -> None:
    """With more members than partitions, some have none, and nobody has more than one."""
    assert sizes(await settled(*[await members() for _ in range(4)], partitions=3)) == [0, 1, 1, 1]


async def test_one_leaves(members: Members, database: str) -> None:
    """The others take the partitions of a member who leaves the next time they settle."""
    stays = await members()
    async with PartitionShare(database, TOPIC) as leaves:
        assert sizes(await settled(stays, leaves)) == [4, 4]
    assert await stays.settle(PARTITIONS) == frozenset(range(8))


async def test_lost_session(members: Members, database: str) -> None:
    """A member that lost its session holds nothing until it settles again; another has its partitions."""
    loses = await members()
    await loses.settle(PARTITIONS)
    async with open_connection(database, application_name="test") as connection:
        await connection.execute(END_SESSIONS)
    other = await members()
    assert await other.settle(PARTITIONS) == frozenset(range(8))
    with pytest.raises(DatabaseAway):
        await loses.settle(PARTITIONS)
    assert await loses.settle(PARTITIONS) == frozenset()
    assert sizes(await settled(other, loses)) == [4, 4]


async def test_frozen(database: str) -> None:
    """A member that says nothing for 20 seconds, such as a frozen process, loses its session."""
    async with open_connection(database, application_name="test") as connection:
        await load_statements("postgres/partition_shares").join(connection, topic=TOPIC)
        assert await connection.fetchval("show idle_session_timeout") == "20s"


async def test_topics_apart(members: Members) -> None:
    """Members of one topic take no partitions from those of another."""
    access, other = await members(), await members("other")
    assert sizes([await access.settle(PARTITIONS)]) == sizes([await other.settle(PARTITIONS)]) == [8]
