"""Whatever a hostile DBA may do by SQL to the ledger that is vouched for, each by a name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from keyfold.domain.ids import account_stream
from tests.support.ledger_builder import account_created
from tests.support.store.tampering import Dba, make_vouched

LEDGER = make_vouched()
ROWS = LEDGER.builder.rows
Tampering = Callable[[Dba], Awaitable[None]]


async def edit(dba: Dba) -> None:
    """Give an account another name."""
    await dba.run(
        "update ledger.events set data = replace(data::text, 'Zahn', 'Zahm')::json where position = 6"
    )


async def edit_rehashed(dba: Dba) -> None:
    """The same, with the row's own hash as it would have been."""
    await edit(dba)
    await dba.rehash(6, last=6)


async def change_actor(dba: Dba) -> None:
    """Let somebody else have done it."""
    await dba.run("update ledger.events set actor_subject = 'mallory' where position = 3")


async def change_time(dba: Dba) -> None:
    """Let it have been a microsecond earlier."""
    await dba.run(
        "update ledger.events set recorded_at = recorded_at - interval '1 microsecond' where position = 7"
    )


async def end_of_time(dba: Dba) -> None:
    """Let it be when no clock ever was."""
    await dba.run("update ledger.events set recorded_at = 'infinity' where position = 7")


async def change_hash(dba: Dba) -> None:
    """Touch nothing but a seal."""
    await dba.run("update ledger.events set hash = decode(repeat('ab', 32), 'hex') where position = 8")


async def delete_middle(dba: Dba) -> None:
    """Let a revocation never have been."""
    await dba.run("delete from ledger.events where position = 9")


async def delete_two_and_close_up(dba: Dba) -> None:
    """The same with its neighbour, and no gap left behind."""
    await dba.run("delete from ledger.events where position in (8, 9)")
    await dba.shift(10, -2)


async def delete_first(dba: Dba) -> None:
    """Let the ledger begin later."""
    await dba.run("delete from ledger.events where position = 1")


async def insert(dba: Dba) -> None:
    """Put an account in between, well sealed to the one before."""
    await dba.shift(7, 1)
    row, row_hash = ROWS[6]
    stream = account_stream(account_created(77).account_id)
    event_id = "0195f000-0000-7000-8000-00000000ffff"
    await dba.write([(replace(row, stream=stream, version=1, event_id=event_id), row_hash)])
    await dba.rehash(7, last=7)


async def swap(dba: Dba) -> None:
    """Let the key be revoked before the other was made."""
    await dba.run("update ledger.events set position = 99 where position = 8")
    await dba.run("update ledger.events set position = 8 where position = 9")
    await dba.run("update ledger.events set position = 9 where position = 99")


async def repeat(dba: Dba) -> None:
    """Take the table's keys away and have a row twice."""
    await dba.run("alter table ledger.events drop constraint events_pkey")
    await dba.run("alter table ledger.events drop constraint events_event_id_key")
    await dba.run("alter table ledger.events drop constraint events_stream_version_key")
    await dba.write([ROWS[5]])


async def truncate_head_left(dba: Dba) -> None:
    """Cut the end off and forget the head."""
    await dba.run("delete from ledger.events where position > 11")


async def no_head(dba: Dba) -> None:
    """Leave no head at all."""
    await dba.run("delete from ledger.head")


async def only_head(dba: Dba) -> None:
    """Move the head's time, and with it every event's from now on."""
    await dba.run("update ledger.head set recorded_at = recorded_at + interval '1 day'")
