"""`keyfold activity export`: all of someone's activity into a file, or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from keyfold.cli.command import command
from keyfold.cli.commands.activity.scope import (
    AccessFilter,
    CategoryFilter,
    DecisionFilter,
    KeyFilter,
    ReasonFilter,
    Since,
    Unattributed,
    Until,
    VendorFilter,
    log_of,
)
from keyfold.cli.commands.parameters import AccountId
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Written
from keyfold.client.failure import CommandFailed
from keyfold.client.streaming import chunks

Format = Annotated[Literal["csv", "ndjson"], typer.Option("--format", help="csv or ndjson.")]
Out = Annotated[Path | None, typer.Option("--out", help="The file to write; default: standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "export")(export_activity)


async def export_activity(
    keyfold: Keyfold,
    account: AccountId = None,
    key: KeyFilter = None,
    vendor_id: VendorFilter = None,
    unattributed: Unattributed = False,
    category: CategoryFilter = None,
    access: AccessFilter = None,
    decision: DecisionFilter = None,
    reason: ReasonFilter = None,
    since: Since = None,
    until: Until = None,
    form: Format = "csv",
    out: Out = None,
) -> Written:
    """Write all of an account's requests, newest first, as CSV or NDJSON; a file is complete or not there."""
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
        since=since,
        until=until,
        format=form,
    )
    url = keyfold.endpoints.url("audit") + log.path + "/export"
    with _open_output(out) as write:
        async for chunk in chunks(url, bearer=keyfold.bearer(log.who, "audit"), query=log.query):
            write(chunk)
    return Written()


@contextmanager
def _open_output(out: Path | None) -> Iterator[Callable[[bytes], int]]:
    if out is None:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    # Under another name until it is complete.
    unfinished = out.with_name(out.name + ".part")
    try:
        with unfinished.open("wb") as file:
            yield file.write
        unfinished.replace(out)
    except OSError as fault:
        raise CommandFailed(f"{out} cannot be written: {fault.strerror}.") from fault
    finally:
        unfinished.unlink(missing_ok=True)
