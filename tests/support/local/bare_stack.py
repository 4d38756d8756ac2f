"""A stack without Keyfold's services, as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from keyfold.local.extra import CannotRunHere
from keyfold.local.process.child import ChildFailed
from keyfold.local.stack_ports import WantedPorts
from keyfold.local.up import Options, up

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--first-port", type=int)
    parser.add_argument("--gateway-port", type=int)
    asked = parser.parse_args()
    ports = WantedPorts(first=asked.first_port, gateway=asked.gateway_port)
    options = Options(directory=asked.directory, ports=ports, services=(), seed=None)
    try:
        asyncio.run(up(options, Console(soft_wrap=True)))
    except (CannotRunHere, ChildFailed) as failure:
        sys.exit(str(failure))
