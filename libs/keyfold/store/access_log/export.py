"""All of someone's activity as text, row by row off the index, at the pace of whoever takes it."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from enum import StrEnum
from typing import Final, Protocol, assert_never

import orjson

from keyfold.domain.access.names import AccountKey, Names
from keyfold.domain.ids import KeyId, VendorId
from keyfold.store.access_log.activity import Ask, narrowed
from keyfold.store.access_log.ndjson import COPIED, json_lines
from keyfold.store.access_log.scope import (
    CONDITIONS,
    COUNTED,
    AccountScope,
    KeyScope,
    UnattributedScope,
    VendorScope,
    conditions,
    prepare,
)
from keyfold.store.postgres.connection import Connection, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements, order_values

# = + - @, their wide forms, a tab and the ends of a line: what spreadsheets begin a formula or a cell with.
_FORMULA: Final = "(61, 43, 45, 64, 9, 10, 13, 65309, 65291, 65293, 65312)"
_sql = load_statements("access_log/export", conditions=CONDITIONS, counted=COUNTED, formula=_FORMULA)

Sink = Callable[[bytes], Awaitable[None]]
"""Takes some bytes, and returns when it is ready for more; PostgreSQL waits meanwhile."""


class Calling(Protocol):
    """Says what vendors and keys are called, as far as that is known."""

    async def __call__(self, vendor_ids: Collection[VendorId], keys: Collection[AccountKey]) -> Names:
        """Return their names."""
        ...


class _SinkFailed(Exception):
    """What the sink raised, which is no failure of PostgreSQL's, is the cause of this."""


class ExportFormat(StrEnum):
    """In which form an export is written."""

    CSV = "csv"
    NDJSON = "ndjson"


async def export(
    dsn: str, ask: Ask, form: ExportFormat, sink: Sink, *, calling: Calling, time_max_s: float
) -> None:
    """Write all the events that the question is about, newest first, from one moment's view of the log.

    Names are those at its beginning. Whatever the sink raises ends the statement at once. Raises
    DatabaseAway, also when time is up.
    """
    ask = narrowed(ask)
    # A connection of its own, for as long as somebody reads.
    async with open_connection(
        dsn, application_name="audit export", statement_timeout_s=time_max_s
    ) as connection:
        try:
            with translate_errors():
                await prepare(connection)
                # One moment for what is there to be named and for the rows.
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    named = await calling(*await _named(connection, ask))
                    await _copy(connection, ask, form, named, _told_apart(sink))
        except _SinkFailed as failed:
            raise failed.__cause__ or failed from None


def _told_apart(sink: Sink) -> Sink:
    async def take(content: bytes) -> None:
        try:
            await sink(content)
        except Exception as error:
            raise _SinkFailed from error

    return take


async def _named(connection: Connection, ask: Ask) -> tuple[Collection[VendorId], Collection[AccountKey]]:
    """Return which vendors and keys are in the file and may be named in it."""
    match ask.scope:
        case UnattributedScope():
            return (), ()
        case VendorScope(vendor_id=vendor_id):
            return (vendor_id,), ()
        case AccountScope(account_id=account_id) | KeyScope(account_id=account_id):
            rows = [row async for row in _sql.named(connection, **_values(ask))]
            vendor_ids = {VendorId(row["vendor_id"]) for row in rows}
            return vendor_ids, {(account_id, KeyId(row["key_id"])) for row in rows}
        case _:
            assert_never(ask.scope)


def _values(ask: Ask) -> Mapping[str, object]:
    return {**conditions(ask.scope, ask.filters), "since": ask.since, "until": ask.until}


def _names(called: Names) -> Mapping[str, str]:
    # All of them are of one account.
    keys = {key_id: name for (_, key_id), name in called.keys.items()}
    return {"vendor_names": orjson.dumps(called.vendors).decode(), "key_names": orjson.dumps(keys).decode()}


async def _copy(connection: Connection, ask: Ask, form: ExportFormat, called: Names, sink: Sink) -> None:
    values = {**_values(ask), **_names(called)}
    arguments = order_values(_sql, form, values)
    match form:
        case ExportFormat.CSV:
            lines = _Rfc4180(sink)
            await connection.copy_from_query(
                _bare(_sql.csv.sql), *arguments, output=lines.take, format="csv", header=True
            )
        case ExportFormat.NDJSON:
            await connection.copy_from_query(
                _bare(_sql.ndjson.sql), *arguments, output=_as_json(sink), **COPIED
            )
        case _:
            assert_never(form)


def _as_json(sink: Sink) -> Sink:
    async def take(content: bytes) -> None:
        # A message of COPY's is a row, and content is whole messages.
        await sink(json_lines(content))

    return take


def _bare(statement: str) -> str:
    return statement.rstrip().rstrip(";")


class _Rfc4180:
    """Ends lines with CR LF, as RFC 4180 has it and PostgreSQL has not; what is within quotes stays."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._is_quoted = False

    async def take(self, content: bytes) -> None:
        """Pass the lines on."""
        parts = content.split(b'"')
        for number, part in enumerate(parts):
            if not self._is_quoted:
                parts[number] = part.replace(b"\n", b"\r\n")
            if number < len(parts) - 1:
                self._is_quoted = not self._is_quoted
        await self._sink(b'"'.join(parts))
