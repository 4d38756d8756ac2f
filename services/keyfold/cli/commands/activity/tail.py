"""`keyfold activity tail`: requests as they are recorded."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Final

import typer
from rich.text import Text

from keyfold.cli.command import command
from keyfold.cli.commands.activity.scope import (
    AccessFilter,
    ActivityLog,
    CategoryFilter,
    DecisionFilter,
    KeyFilter,
    NameColumns,
    Origins,
    ReasonFilter,
    Unattributed,
    VendorFilter,
    asker_of,
    log_of,
    request_of,
)
from keyfold.cli.commands.parameters import AccountId
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import (
    INDENT,
    Room,
    Terminal,
    Tone,
    Toned,
    Value,
    Written,
    answer_of,
    note_left_out,
    printable,
    room,
    when,
    write_json,
)
from keyfold.cli.screen.lines import WORD_MAX, width_of
from keyfold.client.http import JsonObject
from keyfold.client.streaming import EventReader, StreamBroken, events
from keyfold.domain.access.decision import Reason

RETRY_MS: Final = 2000
ANSWER_WIDTH: Final = max(map(len, Reason))
DATA_WIDTH: Final = 17
NAME_WIDTH: Final = 18
REQUEST_WIDTH_MIN: Final = 20
NAMES_FROM_WIDTH: Final = 110
"""On a narrower terminal the names are left out: the request and the answer say more."""

Count = Annotated[int | None, typer.Option("--count", min=1, help="End after this many; default: never.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "tail")(tail_activity)


async def tail_activity(
    keyfold: Keyfold,
    account: AccountId = None,
    key: KeyFilter = None,
    vendor_id: VendorFilter = None,
    unattributed: Unattributed = False,
    category: CategoryFilter = None,
    access: AccessFilter = None,
    decision: DecisionFilter = None,
    reason: ReasonFilter = None,
    count: Count = None,
) -> Written:
    """Show an account's requests as they are recorded, until Ctrl-C; in a pipe, as NDJSON."""
    log = log_of(
        keyfold,
        account,
        vendor_id,
        unattributed=unattributed,
        key_id=key,
        category=category,
        access=access,
        decision=decision,
        reason=reason,
    )
    asker = asker_of(log)
    terminal = None if keyfold.as_json or not (keyfold.wide or sys.stdout.isatty()) else Terminal()
    if terminal is not None and (missing := _find_missing(asker, room(wide=keyfold.wide))):
        terminal.write(room().break_lines(note_left_out(missing)))
    shown = 0
    async with aclosing(_items(keyfold, log)) as items:
        async for item in items:
            if terminal is None:
                write_json(item)
            else:
                who = asker.of(item) + (asker.ids_of(item) if keyfold.wide else ())
                terminal.write(lines(item, who, room(wide=keyfold.wide)))
            sys.stdout.flush()
            shown += 1
            if shown == count:
                break
    return Written()


def _find_missing(asker: NameColumns | Origins, within: Room) -> Sequence[str]:
    if within.columns is None:
        return ()
    return asker.ids if within.holds(NAMES_FROM_WIDTH) else (*asker.columns, *asker.ids)


async def _items(keyfold: Keyfold, log: ActivityLog) -> AsyncGenerator[JsonObject]:
    """Yield each access event once, over as many connections as it takes."""
    url = keyfold.endpoints.url("audit") + log.path + "/stream"
    reader, retry_ms = EventReader(), RETRY_MS
    while True:
        try:
            # A new token for each connection, as the stream ends with the token.
            bearer = keyfold.bearer(log.who, "audit")
            async with aclosing(events(url, bearer=bearer, query=log.query, reader=reader)) as stream:
                async for step in stream:
                    retry_ms = step.retry_ms or retry_ms
                    if step.item is not None:
                        yield step.item
        except StreamBroken as broken:
            if not reader.last_event_id:
                raise
            sys.stderr.write(f"{printable(str(broken))} Trying again.\n")
        await asyncio.sleep(retry_ms / 1000)


def lines(item: JsonObject, asker: Sequence[str], within: Room) -> list[Text]:
    """Return an access event in one line if there is room, else in two or three.

    Only names and the request may be cut, which an ellipsis shows.
    """
    category, access = item["category"], item["access"]
    cells: list[tuple[Value, int]] = [
        (Toned(when(item["at"])[11:], Tone.ASIDE), 0),
        (answer_of(item), ANSWER_WIDTH),
        (f"{category} {access}" if category and access else "—", DATA_WIDTH),
    ]
    if within.holds(NAMES_FROM_WIDTH):
        cells += [(_shorten(name, within), NAME_WIDTH) for name in asker]
    found = [Text()]
    for value, width in cells:
        cell = within.cell(value, width)
        _make_room(found, width_of(cell.plain.rstrip()), within)
        found[-1].append_text(cell)
    request = Text(within.text(request_of(item)))
    _make_room(found, min(width_of(request.plain), REQUEST_WIDTH_MIN), within)
    found[-1] = within.cut(found[-1].append_text(request))
    return found


def _make_room(lines: list[Text], width: int, within: Room) -> None:
    if not within.holds(width_of(lines[-1].plain) + width):
        lines[-1].rstrip()
        lines.append(Text(INDENT))


def _shorten(name: str, within: Room) -> str:
    # An id or an address is of no use when cut.
    is_word = len(name) <= WORD_MAX and " " not in name
    return (
        name if is_word or within.columns is None else within.cut(Text(within.text(name)), NAME_WIDTH).plain
    )
