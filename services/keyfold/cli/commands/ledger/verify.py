"""`keyfold ledger verify`: proof that the ledger is whole, or the first position at which it is not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn

from keyfold.cli.command import command
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Details
from keyfold.client.endpoints import POSTGRES
from keyfold.client.failure import CommandFailed
from keyfold.local.signing_keys import CHECKPOINT_KEY, CHECKPOINTS_NAME, SEAL_KEY

File = Annotated[
    Path | None,
    typer.Option(
        "--checkpoints",
        exists=True,
        dir_okay=False,
        help="The checkpoints file, from where it is shipped to; default: the local stack's own.",
    ),
]
Keys = Annotated[
    list[Path] | None,
    typer.Option(
        "--public-key",
        exists=True,
        dir_okay=False,
        help="PEM of a key that proves checkpoints; may be repeated. Default: the local stack's own.",
    ),
]

SealKeys = Annotated[
    Path | None,
    typer.Option(
        "--seal-keys",
        exists=True,
        dir_okay=False,
        help="PEM of the keys that prove seals, one after the other; default: the local stack's own.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "verify")(_verify)


async def _verify(
    keyfold: Keyfold, checkpoints: File = None, public_key: Keys = None, seal_keys: SealKeys = None
) -> Details:
    """Recompute every hash, straight from PostgreSQL (KEYFOLD_POSTGRES_DSN); exit with 1 if any is wrong."""
    # Imported here, as every other command would wait for the driver to load and has no use for it.
    from keyfold.cli.commands.ledger.verdict import details_of
    from keyfold.cli.commands.ledger.verification import read_evidence, verify
    from keyfold.store.postgres.errors import StoreFailure

    endpoints = keyfold.endpoints
    # A local stack's own key and file say nothing about another ledger.
    state_dir = endpoints.state_dir if endpoints.is_local(POSTGRES) else None
    evidence = read_evidence(
        checkpoints or _find_local(state_dir, CHECKPOINTS_NAME),
        public_key or [each for each in (_find_local(state_dir, CHECKPOINT_KEY.public_name),) if each],
        seal_keys or _find_local(state_dir, SEAL_KEY.public_name),
    )
    dsn = keyfold.database("ledger")
    try:
        with _show_progress() as progress:
            verification = await verify(dsn, evidence, progress)
    except StoreFailure as failure:
        raise CommandFailed(f"The ledger could not be read: {failure}") from failure
    return details_of(verification, endpoints.database_at())


def _find_local(state_dir: Path | None, name: str) -> Path | None:
    path = None if state_dir is None else state_dir / name
    return path if path is not None and path.exists() else None


@contextmanager
def _show_progress() -> Iterator[Callable[[int, int], None]]:
    if not sys.stderr.isatty():
        yield lambda proven, of: None
        return
    columns = (*Progress.get_default_columns()[:-1], TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("verifying", total=None)
        yield lambda proven, of: bar.update(task, completed=proven, total=of)
