"""Each service's role may do what the service does, and nothing more: least of all change the ledger."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg
import pytest

from keyfold.store.access_log.partitions import partition_name
from keyfold.store.postgres.connection import open_connection
from keyfold.store.postgres.roles import AUDIT, GATEKEEPER, PROJECTION, REGISTRY, RELAY, ROLES
from tests.support.access_events import EPOCH

PARTITION = f"access_log.{partition_name(EPOCH.date())}"
HISTORY = "public._pogo_migration"
ALL = "select insert update delete truncate references trigger maintain"
GENERATION = tuple(f"projection.{table}" for table in ("accounts", "keys", "progress", "vendors"))

# What is not here is not granted: whoever adds a table writes down here who may do what with it.
GRANTED: Mapping[str, Mapping[str, str]] = {
    REGISTRY: {
        HISTORY: "select",
        "ledger.events": "select insert",
        "ledger.head": "select update(hash,position,recorded_at,seal,seal_key,sealed_position)",
        "ledger.kept_answers": "select insert"
        " update(fingerprint,kept_at,login,login_number,position,sealed,tenant,tenant_number) delete",
        "ledger.gatekeepers": "select",
        "ledger.logins": "select",
        "ledger.spent_links": "select insert delete",
        "access_log.last_used": "select",
        "access_log.last_refused": "select",
        "access_log.offsets": "select",
        "access_log.hourly_counts": "select",
        **dict.fromkeys(GENERATION, "select"),
    },
    RELAY: {
        HISTORY: "select",
        "ledger.events": "select",
        "ledger.head": "select",
        "ledger.relay_checkpoint": "select update(position)",
    },
    PROJECTION: {HISTORY: "select", **dict.fromkeys(GENERATION, ALL)},
    GATEKEEPER: {
        HISTORY: "select",
        "ledger.head": "select update(only_row)",
        "ledger.logins": "select",
        "ledger.gatekeeper_runs": "insert(id,public_key)",
        "ledger.gatekeepers": "select insert"
        " update(applied_position,journalled,journalled_at,lease_s,renewed_at) delete",
        **dict.fromkeys(GENERATION, "select"),
    },
    AUDIT: {
        HISTORY: "select",
        "ledger.logins": "select",
        "ledger.gatekeepers": "select(id,journalled,journalled_at)",
        "ledger.gatekeeper_runs": "select",
        "access_log.run_records": "select insert",
        "access_log.policies": "select insert",
        "access_log.runs": "select insert"
        " update(filed_to,is_over,journalled,journalled_at,lacking,lacking_since,whole_until) delete",
        "projection.vendors": "select(name,vendor_id)",
        "projection.keys": "select(account_id,key_id,name)",
        "access_log.events": "select insert",
        "access_log.offsets": "select insert update(caught_up_at,next_offset)",
        "access_log.last_used": "select insert update(last_used_at)",
        "access_log.last_refused": "select insert update(last_refused_at)",
        "access_log.hourly_counts": "select insert update(requests) delete",
        "access_log.daily_counts": "select insert update(requests) delete",
        "access_log.daily_sums": "select insert delete",
        "access_log.summed_days": "select insert delete",
        "access_log.filings": "select insert delete",
        "access_log.closed_runs": "select insert update(at,is_exact,last_number,noted_at) delete",
        "access_log.filed_numbers": "select insert update(duplicates,filed,numbers,sealed,twice) delete",
        "access_log.forgotten_numbers": "select insert update(hour,number) delete",
    },
}
SCHEMAS: Mapping[str, Mapping[str, str]] = {
    REGISTRY: {"public": "usage", "ledger": "usage", "access_log": "usage", "projection": "usage"},
    RELAY: {"public": "usage", "ledger": "usage"},
    PROJECTION: {"public": "usage", "projection": "usage create"},
    GATEKEEPER: {"public": "usage", "ledger": "usage", "projection": "usage"},
    AUDIT: {"public": "usage", "ledger": "usage", "access_log": "usage", "projection": "usage"},
}
# Who may call each function, all of which do what their owner may do.
FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "ledger.note_run_of_lease()": (),
    "access_log.make_day(date)": (AUDIT,),
    "access_log.drop_day(date)": (AUDIT,),
    "access_log.forget_run_records(date)": (AUDIT,),
}

TABLE_PRIVILEGES = """
select relation.oid::regclass::text as name, privilege
from pg_class as relation, unnest(string_to_array($2, ' ')) with ordinality as each (privilege, place)
where relation.relnamespace::regnamespace::text = any ('{public, ledger, access_log, projection}')
  and relation.relkind in ('r', 'p', 'v', 'm', 'f')
  and has_table_privilege($1, relation.oid, privilege)
order by name, place
"""
COLUMN_PRIVILEGES = """
select relation.oid::regclass::text as name, privilege, string_agg(attname, ',' order by attname) as columns
from pg_class as relation
join pg_attribute on attrelid = relation.oid and attnum > 0 and not attisdropped,
unnest('{select, insert, update, references}'::text[]) as privilege
where relation.relnamespace::regnamespace::text = any ('{public, ledger, access_log, projection}')
  and relation.relkind in ('r', 'p', 'v', 'm', 'f')
  and has_column_privilege($1, relation.oid, attnum, privilege)
  and not has_table_privilege($1, relation.oid, privilege)
group by relation.oid, privilege
"""
SCHEMA_PRIVILEGES = """
select nspname::text as name, string_agg(privilege, ' ' order by privilege desc) as privileges
from pg_namespace, unnest('{usage, create}'::text[]) as privilege
where nspname !~ '^pg_|^information_schema$' and has_schema_privilege($1, oid, privilege)
group by nspname
"""

# Each with the roles that may do it. Where no row is met, the right to it is asked for all the same.
STATEMENTS: Mapping[str, tuple[str, ...]] = {
    "update ledger.events set position = position where false": (),
    "update ledger.events set data = data where false": (),
    "delete from ledger.events where false": (),
    "truncate ledger.events": (),
    "alter table ledger.events disable trigger all": (),
    "drop table ledger.events": (),
    "drop schema ledger cascade": (),
    "create table ledger.more (id integer)": (),
    "select position from ledger.events for update": (),
    "insert into ledger.events (position) select 1 where false": (REGISTRY,),
    "select data from ledger.events where false": (REGISTRY, RELAY),
    "update ledger.head set position = 0 where false": (REGISTRY,),
    "delete from ledger.head where false": (),
    "update ledger.relay_checkpoint set position = 0 where false": (RELAY,),
    "select sealed from ledger.kept_answers where false": (REGISTRY,),
    "select account_id from ledger.logins where false": (REGISTRY, GATEKEEPER, AUDIT),
    "insert into ledger.logins (stream) select '' where false": (),
    "delete from ledger.spent_links where false": (REGISTRY,),
    "delete from ledger.gatekeepers where false": (GATEKEEPER,),
    "select journalled from ledger.gatekeepers where false": (REGISTRY, GATEKEEPER, AUDIT),
    "select host from ledger.gatekeepers where false": (REGISTRY, GATEKEEPER),
    "select path from access_log.events where false": (AUDIT,),
    "select next_offset from access_log.offsets where false": (AUDIT, REGISTRY),
    "update access_log.offsets set next_offset = 0 where false": (AUDIT,),
    "select key_id from access_log.last_used where false": (AUDIT, REGISTRY),
    "update access_log.events set path = path where false": (),
    f"update {PARTITION} set path = path where false": (),
    "delete from access_log.events where false": (),
    f"truncate {PARTITION}": (),
    f"drop table {PARTITION}": (),
    f"alter table access_log.events detach partition {PARTITION}": (),
    f"alter table {PARTITION} disable trigger all": (),
    f"alter table {PARTITION} owner to keyfold_audit": (),
    f"grant update on {PARTITION} to keyfold_audit": (),
    "alter table access_log.events add column mine text": (),
    "alter table access_log.events disable trigger all": (),
    "truncate access_log.events": (),
    "create table access_log.mine (id integer)": (),
    "create trigger mine before insert on access_log.events for each row"
    " execute function suppress_redundant_updates_trigger()": (),
    "delete from access_log.run_records where false": (),
    "update access_log.run_records set statement = statement where false": (),
    "delete from access_log.policies where false": (),
    "insert into ledger.gatekeeper_runs (id) values ('mine')": (GATEKEEPER,),
    "update ledger.gatekeeper_runs set public_key = null": (),
    "delete from ledger.gatekeeper_runs": (),
    "select access_log.drop_day('2020-01-01')": (AUDIT,),
    "select access_log.drop_day(current_date - 1)": (),
    "select access_log.drop_day((to_char(current_date - 1, 'YYYY-MM-DD') || ' BC')::date)": (),
    "select access_log.drop_day('-infinity')": (),
    "select access_log.drop_day(null)": (),
    "select access_log.make_day(current_date + 7)": (AUDIT,),
    "select access_log.make_day((to_char(current_date + 7, 'YYYY-MM-DD') || ' BC')::date)": (),
    "select access_log.make_day(current_date + 400)": (),
    "select access_log.make_day(null)": (),
    "select pg_read_file('/etc/passwd')": (),
    "copy access_log.events to program 'true'": (),
    "select packed from projection.keys where false": (REGISTRY, PROJECTION, GATEKEEPER),
    "select name from projection.keys where false": (REGISTRY, PROJECTION, GATEKEEPER, AUDIT),
    "select contact_email from projection.vendors where false": (REGISTRY, PROJECTION, GATEKEEPER),
    "select name from projection.accounts where false": (REGISTRY, PROJECTION, GATEKEEPER),
    "update projection.keys set packed = packed where false": (PROJECTION,),
    "drop schema projection cascade": (PROJECTION,),
    "create schema mine": (PROJECTION,),
    "delete from public._pogo_migration where false": (),
    "create table public.mine (id integer)": (),
    "create role mine": (),
}


async def _may(connection: asyncpg.Connection, role: str, statement: str) -> bool:
    """Tell whether PostgreSQL lets a role run a statement, and roll it back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"set local role {role}")
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return False
    finally:
        await transaction.rollback()
    return True


async def _granted(connection: asyncpg.Connection, role: str) -> dict[str, set[str]]:
    held: dict[str, set[str]] = {}
    for row in await connection.fetch(TABLE_PRIVILEGES, role, ALL):
        held.setdefault(row["name"], set()).add(row["privilege"])
    for row in await connection.fetch(COLUMN_PRIVILEGES, role):
        held.setdefault(row["name"], set()).add(f"{row['privilege']}({row['columns']})")
    return held


@pytest.mark.parametrize("role", ROLES)
async def test_privileges(lived_in: str, role: str) -> None:
    """A role's rights on each table and schema, down to the columns, are exactly those written above."""
    async with open_connection(lived_in, application_name="test") as connection:
        assert await _granted(connection, role) == {
            table: set(privileges.split()) for table, privileges in GRANTED[role].items()
        }
        schemas = await connection.fetch(SCHEMA_PRIVILEGES, role)
    assert {row["name"]: row["privileges"] for row in schemas} == SCHEMAS[role]


async def test_nothing_but_tables(lived_in: str) -> None:
    """There are no other objects but these functions; no role has other attributes, or can log in."""
    async with open_connection(lived_in, application_name="test") as connection:
        others = await connection.fetch(
            "select oid::regprocedure::text as name,"
            " array(select rolname from pg_roles where rolname = any ($1)"
            " and has_function_privilege(rolname, pg_proc.oid, 'execute'))::text[] as roles, prosecdef,"
            " proconfig::text ~ 'search_path=pg_catalog, pg_temp' as is_fixed"
            " from pg_proc where pronamespace::regnamespace::text"
            " = any ('{public, ledger, access_log, projection}')",
            ROLES,
        )
        powerful = await connection.fetch(
            "select rolname from pg_roles where rolname = any ($1) and (rolsuper or rolcanlogin"
            " or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)",
            ROLES,
        )
        members = await connection.fetch(
            "select member::regrole from pg_auth_members where member::regrole::text = any ($1)", ROLES
        )
    assert {each["name"]: tuple(each["roles"]) for each in others} == FUNCTIONS
    assert all(each["prosecdef"] and each["is_fixed"] for each in others)
    assert (powerful, members) == ([], [])


@pytest.mark.parametrize("role", ROLES)
async def test_only_what_is_allowed_is_done(lived_in: str, role: str) -> None:
    """PostgreSQL refuses each statement that is none of a role's business."""
    async with open_connection(lived_in, application_name="test") as connection:
        done = {statement for statement in STATEMENTS if await _may(connection, role, statement)}
    assert done == {statement for statement, allowed in STATEMENTS.items() if role in allowed}


async def test_a_lock_is_no_change(database: str) -> None:
    """The column that the gatekeeper may write, so that it may lock the row, cannot take another value."""
    async with open_connection(database, application_name="test") as connection:
        with pytest.raises(asyncpg.CheckViolationError):
            await _may(connection, GATEKEEPER, "update ledger.head set only_row = false")
