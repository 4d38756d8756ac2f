"""A practice API for the local stack: answers every path under /v1/ with what it was sent."""

from __future__ import annotations

import argparse
import asyncio
import signal

from aiohttp import web

from keyfold.local.process.ports import HOST
from keyfold.runtime import log
from keyfold.runtime.http import serve_http


async def echo(request: web.Request) -> web.Response:
    """Return method, path and headers exactly as they arrived, repeated headers joined by a comma."""
    headers = {name: ", ".join(request.headers.getall(name)) for name in request.headers}
    return web.json_response({"method": request.method, "path": request.raw_path, "headers": headers})


def app() -> web.Application:
    """Return the API's application."""
    application = web.Application()
    application.router.add_route("*", "/v1/{rest:.*}", echo)
    return application


async def serve(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopped.set)
    async with serve_http(app(), HOST, port, drain_timeout_s=0.5):
        await stopped.wait()


def main() -> None:
    """Serve on the port that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    log.configure(service="sample-api")
    asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
