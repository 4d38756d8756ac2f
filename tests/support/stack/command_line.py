"""The command line as its users call it, on a running stack."""

from __future__ import annotations

import shlex
from typing import Any

from tests.support.stack.running import RunningStack


async def run_json(stack: RunningStack, line: str) -> Any:
    """Run a command that succeeds and return its JSON."""
    done = await stack.keyfold(*shlex.split(line))
    assert done.status == 0, done.err
    return done.json()
