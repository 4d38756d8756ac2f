"""Exports as their readers read them, and a log that makes long ones."""

from __future__ import annotations

import csv
import io
from typing import Final

from tests.support.audit.log import Query, target
from tests.support.runtime.serving import Client

# More than fits between PostgreSQL and a reader who does not read.
MANY: Final = """
insert into access_log.events
    (at, event_id, account_id, method, path, position, gateway, gatekeeper, seq)
select '2026-03-15T12:00:00Z'::timestamptz + n * interval '1 microsecond',
       ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid,
       'acc_1', 'GET', '/v1/patient/' || n, 7, 'caddy', 'gatekeeper-1', n
from generate_series(1000, $1::bigint) as n
"""


async def export(client: Client, path: str, query: Query, token: str = "owner-1") -> bytes:
    """Return an export's body."""
    async with client.ask("GET", target(f"{path}/export", query), token=token) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


def lines(body: bytes) -> list[dict[str, str]]:
    """Read a CSV file as its readers do."""
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))
