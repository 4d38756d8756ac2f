"""A crowd of keys in a read model: those that are asked for, and others up to any number."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from msgspec.structs import replace

from keyfold.domain.ids import KEY_PREFIX
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey
from keyfold.domain.secret import REPLACED_BYTES, REPLACED_MAX
from keyfold.store.postgres.connection import Connection, open_connection, open_pool
from keyfold.store.read_model.generations import NEXT, open_generations
from keyfold.store.read_model.reader import SERVING
from keyfold.store.read_model.rows import Row, account_row, key_row, vendor_row
from keyfold.store.read_model.snapshots import Snapshots
from tests.bench.sides.practices import Practices
from tests.support.ledger_builder import START, account_id, key_id, reminders
from tests.support.state_secret import STATE_SECRET

KEYS_AN_ACCOUNT = 10
EXPIRING_OF = 5
"""One of so many keys expires, and has reminders."""

COLUMNS = "select column_name from information_schema.columns where table_schema = $1 and table_name = $2"
FIRST_PLACE = {"version": 1, "created_position": 0}
# Each is one of the patterns under an id of its own, packed too: the id is not part of what is packed.
FILL = f"""
insert into {NEXT}.{{table}} ({{id}}, {{others}})
select $1 || lpad(number::text, 12, '0'), {{others}}
from generate_series($2::bigint, $3::bigint) as number
join {NEXT}.{{table}} as pattern on pattern.{{id}} = case when number % {EXPIRING_OF} = 0 then $5 else $4 end
"""


async def gather(dsn: str, world: Practices, keys: int) -> None:
    """Make the read model of an empty ledger serve these practices, and with them so many keys in all.

    Two more are the patterns that the others are made after.
    """
    state = State()
    for event in world.events():
        state.fold(event)
    plain, expiring = (_renumbered(each, keys + at) for at, each in enumerate(_patterns(state), start=1))
    state.put(plain)
    state.put(expiring)
    known, accounts = len(world.subscriber_keys), (account_id(1), account_id(1))
    async with (
        open_generations(dsn, STATE_SECRET) as generations,
        open_connection(dsn, application_name="bench", statement_timeout_s=0) as connection,
    ):
        await generations.begin()
        await _put(connection, "accounts", map(account_row, state.accounts.values()))
        await _put(connection, "vendors", map(vendor_row, state.vendors.values()))
        await _put(connection, "keys", map(key_row, state.keys.values()))
        others = range(known + 1, keys + 1)
        await _fill(connection, "keys", "key_id", others, (plain.key_id, expiring.key_id))
        practices_of_others = range(known + 1, known + 1 + len(others) // KEYS_AN_ACCOUNT)
        await _fill(connection, "accounts", "account_id", practices_of_others, accounts)
        await connection.execute(f"vacuum analyze {NEXT}.keys")
        async with generations.standstill():
            await generations.swap()
        await _seal(dsn, connection)


def _patterns(state: State) -> tuple[ActiveSubscriberKey, ActiveSubscriberKey]:
    key = state.subscriber_key(key_id(1))
    assert isinstance(key, ActiveSubscriberKey)
    # As many replaced secrets as are kept: no key takes more memory for them.
    plain = replace(key, name="Reminders for patients", replaced=(bytes(REPLACED_BYTES),) * REPLACED_MAX)
    expires_at = START + timedelta(days=365)
    return plain, replace(plain, expires_at=expires_at, reminders=reminders(expires_at))


def _renumbered(key: ActiveSubscriberKey, number: int) -> ActiveSubscriberKey:
    before, after = (each.removeprefix(KEY_PREFIX) for each in (key.key_id, key_id(number)))
    return replace(key, key_id=key_id(number), secret_hint=key.secret_hint.replace(before, after))


async def _seal(dsn: str, connection: Connection) -> None:
    """Make the digest say what rows there are, as if they had been folded."""
    async with open_pool(dsn, application_name="bench") as pool:
        progress, sums = await Snapshots(pool, STATE_SECRET).add_up()
    digest = STATE_SECRET.seal(progress.place, sums)
    await connection.execute(f"update {SERVING}.progress set state_digest = $1", digest)


async def _put(connection: Connection, table: str, rows: Iterable[Row]) -> None:
    whole = [{**row, **FIRST_PLACE} for row in rows]
    await connection.copy_records_to_table(
        table, schema_name=NEXT, columns=list(whole[0]), records=[tuple(row.values()) for row in whole]
    )


async def _fill(
    connection: Connection, table: str, id_column: str, numbers: range, patterns: tuple[str, str]
) -> None:
    columns = await connection.fetch(COLUMNS, NEXT, table)
    others = ", ".join(name for (name,) in columns if name != id_column)
    prefix = patterns[0].partition("_")[0] + "_"
    statement = FILL.format(table=table, id=id_column, others=others)
    await connection.execute(statement, prefix, numbers.start, numbers.stop - 1, *patterns)
