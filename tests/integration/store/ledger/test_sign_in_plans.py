"""How PostgreSQL goes about what is asked of who signs in, and of one type of events: off an index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import asyncpg
import orjson
import pytest

from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.statements import load_statements, order_values
from tests.support.database import execute
from tests.support.store.logins import login_of

EVENTS: Final = """
insert into ledger.events
    (position, stream, version, event_id, type, schema_version, data, actor_role, actor_subject, request_id,
     recorded_at, hash)
select n, stream || n / 2, 1 + n % 2, gen_random_uuid(), 'keyfold.' || type, 4,
       json_build_object('account_id', 'acc_' || case when n % 2 = 0 then 1 else n % 500 end), 'owner',
       'otto', 'r', now(), sha256(n::text::bytea)
from generate_series(2, 20001) as n, lateral (
    select case n / 2 % 20 when 0 then 'login-' when 1 then 'invitation-' else 'key-' end as stream,
           case n / 2 % 20 when 0 then 'login.bound' when 1 then 'invitation.made'
               when 2 then 'account.created' else 'subscriber_key.renamed' end as type
) as kind
"""
"""Half of them are one account's."""

ASKED: Final[Mapping[str, tuple[str, str, Mapping[str, object]]]] = {
    "what a login is bound to": ("ledger/logins", "last", {"stream": "login-40"}),
    "an account's logins": ("ledger/logins", "logins_of", {"tenant": "acc_1", "before": 2**62, "limit": 51}),
    "an account's invitations": (
        "ledger/logins",
        "invitations_of",
        {"tenant": "acc_1", "before": 2**62, "limit": 51},
    ),
    "all invitations": ("ledger/logins", "all_invitations", {"before": 2**62, "limit": 51}),
    "a history of one type": (
        "ledger/history",
        "of_account",
        {"account_id": "acc_1", "types": ["keyfold.account.created"], "before": 2**62, "limit": 51},
    ),
}


def scans(plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield how each table of a plan is read."""
    if "Relation Name" in plan:
        yield plan["Node Type"]
    for below in plan.get("Plans", []):
        yield from scans(below)


@pytest.mark.parametrize("service", ["registry", "audit"])
async def test_no_statement_reads_the_whole_ledger(database: str, service: str) -> None:
    """Each goes by an index, with the settings and the rights of the services that ask."""
    await execute(database, EVENTS, "analyze ledger.events")
    asked = [each for each in ASKED if service == "registry" or each == "what a login is bound to"]
    dsn = await login_of(database, service)
    async with open_pool(dsn, application_name="test", plans_once=service == "registry") as pool:
        found = {each: await _scans(pool, *ASKED[each]) for each in asked}
    assert {each: bad for each, kinds in found.items() if (bad := kinds & {"Seq Scan"})} == {}
    assert all(found.values())


async def _scans(pool: asyncpg.Pool, name: str, statement: str, values: Mapping[str, object]) -> set[str]:
    statements = load_statements(name)
    sql = getattr(statements, statement).sql
    plan = await pool.fetchval(f"explain (format json) {sql}", *order_values(statements, statement, values))
    return set(scans(orjson.loads(plan)[0]["Plan"]))
