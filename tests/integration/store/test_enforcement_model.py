"""The small world in which the protocol is searched through has the registry's rule for whom to wait for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random
from typing import Final

import pytest

from keyfold.store.postgres.connection import Connection, open_connection
from keyfold.store.postgres.statements import load_statements
from tests.support.property.enforcement_world import Row, Rules, enforced_position

MARGIN_S: Final = 2
RULES: Final = Rules(margin_s=MARGIN_S)
NOW_S: Final = 100
ROWS_MAX: Final = 4
TRIES: Final = 200

_sql = load_statements("enforcement/positions")


@pytest.fixture
async def still(database: str) -> AsyncIterator[Connection]:
    """A connection for which PostgreSQL's clock stands still, so that a lease's very end can be tried."""
    async with open_connection(database, application_name="test") as connection:
        await connection.execute("create schema still")
        await connection.execute(
            "create function still.clock_timestamp() returns timestamptz language sql"
            f" return to_timestamp({NOW_S})"
        )
        await connection.execute("set search_path = still, pg_catalog")
        yield connection


async def test_both_wait_for_the_same(still: Connection) -> None:
    """For any rows, also at the very end of a lease, from the future or without an end, both say the same."""
    chance = Random(7)
    seen = set[bool]()
    for _ in range(TRIES):
        head = chance.randint(0, 5)
        rows = tuple(_any_row(chance, head) for _ in range(chance.randint(0, ROWS_MAX)))
        await _put(still, head, rows)
        told = await _sql.enforced_position(still, margin_s=float(MARGIN_S))
        assert told == enforced_position(head, rows, NOW_S, RULES), rows
        seen.add(told == head)
        for position in range(head + 1):
            await _agree_on_who_is_in_the_way(still, position, rows)
    assert seen == {True, False}


async def _agree_on_who_is_in_the_way(still: Connection, position: int, rows: tuple[Row, ...]) -> None:
    holders = _sql.holders(still, position=position, margin_s=float(MARGIN_S), limit=ROWS_MAX)
    told = {int(each["id"]) async for each in holders if each["is_in_the_way"]}
    # Who is in the way of a position is whoever alone would keep it from being enforced.
    expected = {
        index
        for index, row in enumerate(rows)
        if enforced_position(position, (row,), NOW_S, RULES) < position
    }
    assert told == expected, (position, rows)


def _any_row(chance: Random, head: int) -> Row:
    return Row(
        applied=chance.randint(0, head),
        renewed_s=chance.randint(NOW_S - 8, NOW_S + 3),
        lease_s=chance.randint(0, 4),
    )


async def _put(still: Connection, head: int, rows: tuple[Row, ...]) -> None:
    await still.execute("update ledger.head set position = $1", head)
    await still.execute("delete from ledger.gatekeepers")
    await still.executemany(
        "insert into ledger.gatekeepers (id, host, applied_position, lease_s, renewed_at)"
        " values ($1, 'host', $2, nullif($3::double precision, 0), to_timestamp($4))",
        [(str(index), row.applied, row.lease_s, row.renewed_s) for index, row in enumerate(rows)],
    )
