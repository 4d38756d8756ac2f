"""A program that writes what it was given, and then waits until it is ended."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import orjson

from keyfold.runtime.clock import SYSTEM_CLOCK

if __name__ == "__main__":
    facts = {
        "arguments": sys.argv[1:],
        "directory": str(Path.cwd()),
        "environment": dict(os.environ),
        "event_id": SYSTEM_CLOCK.new_event_id(),
        "leads": os.getsid(0) == os.getpid(),
        "reads": sys.stdin.read(),
    }
    print(orjson.dumps(facts).decode(), flush=True)
    signal.pause()
