"""A practice API for the local stack: answers every path under /v1/ with what it was sent."""

from __future__ import annotations

import argparse

from aiohttp import web

from services.cli.local.ports import HOST


async def echo(request: web.Request) -> web.Response:
    """Return method, path and headers exactly as they arrived, repeated headers joined by a comma."""
    headers = {name: ", ".join(request.headers.getall(name)) for name in request.headers}
    return web.json_response({"method": request.method, "path": request.raw_path, "headers": headers})


def app() -> web.Application:
    """Return the API."""
    application = web.Application()
    application.router.add_route("*", "/v1/{rest:.*}", echo)
    return application


def main() -> None:
    """Serve on the port that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    web.run_app(app(), host=HOST, port=parser.parse_args().port, print=None, shutdown_timeout=0.5)


if __name__ == "__main__":
    main()
