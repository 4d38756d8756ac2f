"""All of someone's activity as text, row by row off the index, at the reader's pace."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from enum import StrEnum
from typing import Final, Protocol, assert_never

import orjson

from keyfold.domain.access.names import AccountKey, Names
from keyfold.domain.ids import KeyId, VendorId
from keyfold.store.access_log.activity import Ask, narrow
from keyfold.store.access_log.ndjson import COPY_OPTIONS, json_lines
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

# = + - @, their wide forms, a tab and line ends: a spreadsheet begins a formula or a cell with them.
_FORMULA: Final = "(61, 43, 45, 64, 9, 10, 13, 65309, 65291, 65293, 65312)"
_sql = load_statements("access_log/export", conditions=CONDITIONS, counted=COUNTED, formula=_FORMULA)

Sink = Callable[[bytes], Awaitable[None]]
"""Takes some bytes and returns when it is ready for more; PostgreSQL waits meanwhile."""


class FindNames(Protocol):
    """Finds the names of vendors and keys, as far as they are known."""

    async def __call__(self, vendor_ids: Collection[VendorId], keys: Collection[AccountKey]) -> Names:
        """Return their names."""
        ...


class _SinkFailed(Exception):
    """The sink raised the cause of this; it is no failure of PostgreSQL's."""


class ExportFormat(StrEnum):
    """The form of an export."""

    CSV = "csv"
    NDJSON = "ndjson"


async def export(
    dsn: str, ask: Ask, form: ExportFormat, sink: Sink, *, find_names: FindNames, time_max_s: float
) -> None:
    """Write all the events that the question asks for, newest first, as of one moment.

    Names are those at the beginning. If the sink raises, the statement ends at once and the error goes on to
    the caller. Raises DatabaseAway, also when the time is up.
    """
    ask = narrow(ask)
    # A connection of its own, for as long as the reader takes.
    async with open_connection(
        dsn, application_name="audit export", statement_timeout_s=time_max_s
    ) as connection:
        try:
            with translate_errors():
                await prepare(connection)
                # The ids and the rows are read as of the same moment.
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    names = await find_names(*await _find_ids(connection, ask))
                    await _copy(connection, ask, form, names, _mark_failures(sink))
        except _SinkFailed as failed:
            raise failed.__cause__ or failed from None


def _mark_failures(sink: Sink) -> Sink:
    async def take(content: bytes) -> None:
        try:
            await sink(content)
        except Exception as error:
            raise _SinkFailed from error

    return take


async def _find_ids(connection: Connection, ask: Ask) -> tuple[Collection[VendorId], Collection[AccountKey]]:
    """Return the vendors and keys that are in the file and that its reader may see named."""
    match ask.scope:
        case UnattributedScope():
            return (), ()
        case VendorScope(vendor_id=vendor_id):
            return (vendor_id,), ()
        case AccountScope(account_id=account_id) | KeyScope(account_id=account_id):
            rows = [row async for row in _sql.ids(connection, **_values(ask))]
            vendor_ids = {VendorId(row["vendor_id"]) for row in rows}
            return vendor_ids, {(account_id, KeyId(row["key_id"])) for row in rows}
        case _:
            assert_never(ask.scope)


def _values(ask: Ask) -> Mapping[str, object]:
    return {**conditions(ask.scope, ask.filters), "since": ask.since, "until": ask.until}


def _name_values(names: Names) -> Mapping[str, str]:
    # All of these keys are of one account.
    keys = {key_id: name for (_, key_id), name in names.keys.items()}
    return {"vendor_names": orjson.dumps(names.vendors).decode(), "key_names": orjson.dumps(keys).decode()}


async def _copy(connection: Connection, ask: Ask, form: ExportFormat, names: Names, sink: Sink) -> None:
    values = {**_values(ask), **_name_values(names)}
    arguments = order_values(_sql, form, values)
    match form:
        case ExportFormat.CSV:
            lines = _Rfc4180(sink)
            await connection.copy_from_query(
                _without_semicolon(_sql.csv.sql), *arguments, output=lines.take, format="csv", header=True
            )
        case ExportFormat.NDJSON:
            await connection.copy_from_query(
                _without_semicolon(_sql.ndjson.sql), *arguments, output=_as_json(sink), **COPY_OPTIONS
            )
        case _:
            assert_never(form)


def _as_json(sink: Sink) -> Sink:
    async def take(content: bytes) -> None:
        # Each message of COPY is a row, and `content` is always whole messages.
        await sink(json_lines(content))

    return take


def _without_semicolon(statement: str) -> str:
    return statement.rstrip().rstrip(";")


class _Rfc4180:
    """Ends lines with CR LF, as RFC 4180 wants and PostgreSQL does not; text within quotes stays as it is."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._is_quoted = False

    async def take(self, content: bytes) -> None:
        """Pass the content on to the sink."""
        parts = content.split(b'"')
        for number, part in enumerate(parts):
            if not self._is_quoted:
                parts[number] = part.replace(b"\n", b"\r\n")
            if number < len(parts) - 1:
                self._is_quoted = not self._is_quoted
        await self._sink(b'"'.join(parts))
