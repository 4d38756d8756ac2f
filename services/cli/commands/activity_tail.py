"""`keyfold activity tail`: requests as they are recorded."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console
from rich.text import Text

from services.cli.client import JsonObject
from services.cli.command import command
from services.cli.commands.activity_scope import (
    AccessFilter,
    ActivityLog,
    CategoryFilter,
    DecisionFilter,
    KeyFilter,
    ReasonFilter,
    Unattributed,
    VendorFilter,
    asker_of,
    log_of,
    request_of,
)
from services.cli.commands.parameters import AccountId
from services.cli.keyfold import Keyfold
from services.cli.screen import STYLES, Written, printable, when
from services.cli.streaming_client import EventReader, StreamBroken, events

RETRY_MS: Final = 2000
ANSWER_WIDTH: Final = 22
DATA_WIDTH: Final = 17
NAME_WIDTH: Final = 18
NAMES_FROM_WIDTH: Final = 110
"""On a narrower terminal the names give way: what was asked and answered says more."""

Count = Annotated[int | None, typer.Option("--count", min=1, help="End after so many; default: never.")]


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
    """Show an account's requests as they are recorded, until Ctrl-C; as NDJSON away from a terminal."""
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
    asker = asker_of(keyfold, log)
    console = None if keyfold.as_json or not sys.stdout.isatty() else Console(highlight=False)
    shown = 0
    async with aclosing(_items(keyfold, log)) as items:
        async for item in items:
            if console is None:
                sys.stdout.write(orjson.dumps(item).decode() + "\n")
                sys.stdout.flush()
            else:
                console.print(line(item, await asker.of(item), console.width), no_wrap=True)
            shown += 1
            if shown == count:
                break
    return Written()


async def _items(keyfold: Keyfold, log: ActivityLog) -> AsyncGenerator[JsonObject]:
    """Yield what arrives, each once, over as many connections as it takes."""
    url = keyfold.places.url("audit") + log.path + "/stream"
    reader, retry_ms = EventReader(), RETRY_MS
    while True:
        try:
            # A token of its own for each connection: the stream ends with the token.
            bearer = keyfold.bearer(log.who)
            async with aclosing(events(url, bearer=bearer, query=log.query, reader=reader)) as stream:
                async for told in stream:
                    retry_ms = told.retry_ms or retry_ms
                    if told.item is not None:
                        yield told.item
        except StreamBroken as broken:
            if not reader.last_event_id:
                raise
            sys.stderr.write(f"{broken} Trying again.\n")
        await asyncio.sleep(retry_ms / 1000)


def line(item: JsonObject, asker: tuple[str, str], width: int) -> Text:
    """Return an access event as one line that fits the width; what was asked for gives way first."""
    answer = item["reason"] or item["decision"]
    category, access = item["category"], item["access"]
    cells = [(when(item["at"])[11:], 9, "dim"), (answer, ANSWER_WIDTH, STYLES.get(answer, ""))]
    cells.append((f"{category} {access}" if category and access else "—", DATA_WIDTH, ""))
    if width >= NAMES_FROM_WIDTH:
        cells += [(name, NAME_WIDTH, "cyan") for name in asker]
    text = Text()
    for value, cell_width, style in cells:
        cell = Text(printable(value), style=style)
        cell.truncate(cell_width, overflow="ellipsis", pad=True)
        text.append_text(cell).append("  ")
    text.append(printable(request_of(item)))
    text.truncate(width, overflow="ellipsis")
    return text
