"""A stack without Keyfold's services, as a process: `python -m … STATE_DIR [GATEWAY_PORT]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from rich.console import Console

from keyfold.local.extra import CannotRunHere
from keyfold.local.process.child import ChildFailed
from keyfold.local.stack_ports import WantedPorts
from keyfold.local.up import Options, up

if __name__ == "__main__":
    try:
        gateway = int(sys.argv[2]) if len(sys.argv) > 2 else None
        ports = WantedPorts(gateway=gateway)
        options = Options(directory=Path(sys.argv[1]), ports=ports, services=(), seed=None)
        asyncio.run(up(options, Console(soft_wrap=True)))
    except (CannotRunHere, ChildFailed) as failure:
        sys.exit(str(failure))
