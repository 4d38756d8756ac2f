"""A bare handler on a port, without a table of routes."""

import aiohttp
from aiohttp import web

from libs.runtime.http import serve_handler


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    """Answer with the path, or fail where the path says so."""
    if request.path == "/bug":
        raise RuntimeError("a secret lies here")
    return web.Response(text=request.path)


async def test_a_bare_handler() -> None:
    """A bare handler sees every path, and its bug is a 500 problem that tells nothing."""
    async with serve_handler(echo, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/any/where") as response:
            assert await response.text() == "/any/where"
        async with session.get(f"http://127.0.0.1:{port}/bug") as response:
            assert response.status == 500
            assert response.content_type == "application/problem+json"
            assert (await response.json(content_type=None))["detail"] == "the fault is ours"
