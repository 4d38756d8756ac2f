"""The cache: what is fetched or made once per user, for all stacks."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from keyfold.local.extra import CannotRunHere


def cache_dir() -> Path:
    """Return the user's cache directory, which is made if there is none. Raises CannotRunHere.

    If the home directory cannot be written to, it is inside this Python environment.
    """
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():  # the specification says to ignore any other
        return _prepare(named)
    with suppress(CannotRunHere, RuntimeError):
        return _prepare(Path.home() / ".cache")
    return _prepare(Path(sys.prefix) / "cache")


def _prepare(home: Path) -> Path:
    directory = home / "keyfold"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(directory, error.strerror) from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise _unusable(directory, "it cannot be written to")
    if os.pathsep in str(directory):
        raise _unusable(directory, f"Java takes {os.pathsep} for the end of a path")
    return directory


def _unusable(directory: Path, why: str | None) -> CannotRunHere:
    return CannotRunHere(
        f"Kafka's jars cannot be kept in {directory}: {why}; name another place with XDG_CACHE_HOME"
    )


@contextmanager
def hold_lock(name: str) -> Iterator[None]:
    """Keep other processes from making the same thing at the same time."""
    with (cache_dir() / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
