"""Addresses as PostgreSQL has them."""

from __future__ import annotations

import asyncpg
import pytest

from keyfold.store.access_log.addresses import pack, use_text_codec
from keyfold.store.postgres.connection import open_connection

ADDRESSES = [
    "203.0.113.9",
    "0.0.0.1",
    "203.0.113.0/24",
    "203.0.113.9/24",
    "0.0.0.0/0",
    "::1",
    "2001:db8::7",
    "2001:db8:0:1::/48",
    "2001:db8::7/64",
]


async def test_addresses_go_there_and_come_back(database: str) -> None:
    """An address or a network is to PostgreSQL what its text is, and comes back as that text."""
    async with open_connection(database, application_name="test") as connection:
        await use_text_codec(connection)
        rows = await connection.fetch(
            "select given::text as told, given, given = text::inet as is_same"
            " from unnest($1::inet[], $2::text[]) as sent (given, text)",
            ADDRESSES,
            ADDRESSES,
        )
        assert all(row["is_same"] for row in rows)
        assert [row["given"] for row in rows] == ADDRESSES
        with pytest.raises(asyncpg.DataError):
            await connection.fetchval("select $1::inet", "caller.example")


@pytest.mark.parametrize(
    "text", ["", "caller.example", "203.0.113.256", "203.0.113.9/33", "::1/129", "a\x00"]
)
def test_what_is_no_address_is_told(text: str) -> None:
    """It is a ValueError, before PostgreSQL hears of it."""
    with pytest.raises(ValueError, match="IPv4 or IPv6"):
        pack(text)
