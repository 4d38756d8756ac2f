"""Edits of a read model that its owner can make by SQL."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final

from keyfold.store.postgres.connection import Pool

TABLES: Final = ("accounts", "vendors", "keys", "progress")
_COLUMNS: Final = """
select table_name, column_name, data_type from information_schema.columns
where table_schema = 'projection' and table_name = any($1::text[]) order by 1, 2
"""
# What one bit of a value is, by its type.
_FLIPS: Final[Mapping[str, str]] = {
    "bigint": "{column} # (1::bigint << {bit} % 63)",
    "integer": "{column} # (1 << {bit} % 31)",
    "boolean": "not {column}",
    "bytea": "case when length({column}) = 0 then '\\x00' else"
    " set_bit({column}, {bit} % (8 * length({column})),"
    " 1 - get_bit({column}, {bit} % (8 * length({column})))) end",
    "text": "overlay({column} placing chr(ascii(substr({column}, 1 + {bit} % length({column}))) # 64)"
    " from 1 + {bit} % length({column}) for 1)",
    "timestamp with time zone": "{column} + interval '1 microsecond' * (1::bigint << {bit} % 40)",
}
_HOLDS: Final[Mapping[str, str]] = {"text": "length({column}) > 0"}


async def columns_of(pool: Pool) -> list[tuple[str, str, str]]:
    """Return every column of the serving generation: its table, its name and its type."""
    return [tuple(row) for row in await pool.fetch(_COLUMNS, TABLES)]


def flip(table: str, column: str, type_: str, random: Random) -> str:
    """Return a statement that flips one bit of a column, in one row that has something there."""
    change = _FLIPS[type_].format(column=column, bit=random.randrange(1024))
    holds = _HOLDS.get(type_, "{column} is not null").format(column=column)
    drawn = f"order by md5(ctid::text || '{random.random()}') limit 1"
    row = f"select ctid from projection.{table} where {holds} {drawn}"
    return f"update projection.{table} set {column} = {change} where ctid = ({row})"


async def save(pool: Pool) -> None:
    """Keep a copy of the serving generation's rows."""
    await pool.execute("drop schema if exists saved cascade; create schema saved")
    for table in TABLES:
        await pool.execute(f"create table saved.{table} as table projection.{table}")


async def restore(pool: Pool) -> None:
    """Put the rows back as they were saved."""
    for table in TABLES:
        await pool.execute(
            f"delete from projection.{table}; insert into projection.{table} table saved.{table}"
        )
