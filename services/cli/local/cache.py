"""What is fetched or made once per user, for all stacks."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_dir() -> Path:
    """Return the user's directory for what can be made again, made now if there is none."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = home / "keyfold"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold off every other process that makes the same thing, until it is made."""
    with (cache_dir() / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
