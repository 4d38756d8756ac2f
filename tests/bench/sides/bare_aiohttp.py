"""The bare thing under the gatekeeper: aiohttp with a handler that answers 200 and does nothing else."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from pathlib import Path

import orjson
import uvloop
from aiohttp import web

from keyfold.local.process.ports import HOST

BACKLOG = 1024


def main() -> None:
    """Serve `/authz` with the headers of a JSON file until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--headers", type=Path, required=True)
    arguments = parser.parse_args()
    headers = orjson.loads(arguments.headers.read_bytes())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(arguments.port, headers))


async def _serve(port: int, headers: Mapping[str, str]) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=200, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/authz", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, port, backlog=BACKLOG).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
