"""A service's application: its routes and those that every service has, each with an access rule."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import HttpVersion11, web

from keyfold.runtime.authenticator import Authenticator
from keyfold.runtime.clock import SYSTEM_CLOCK, Clock
from keyfold.runtime.health import Health
from keyfold.runtime.http.endpoint import Endpoint, endpoint
from keyfold.runtime.http.observe import name_response, observe_requests
from keyfold.runtime.http.rate_limits import UNLIMITED, RateLimits
from keyfold.runtime.http.route import BODY_BYTES_MAX, AnyRoute, UndeclaredRoute
from keyfold.runtime.http.standard import description, standard_routes


def build_app(
    name: str,
    routes: Sequence[AnyRoute],
    *,
    auth: Authenticator,
    health: Health,
    clock: Clock = SYSTEM_CLOCK,
    limits: RateLimits = UNLIMITED,
) -> web.Application:
    """Make the application of a route table. Raises ``UndeclaredRoute`` if the table leaves something open.

    The application does not start if a route was added to it in any other way.
    """
    table = [*routes, *standard_routes(health)]
    table.append(description(name, table))
    _check_names(table)
    quiet_paths = frozenset(route.path for route in table if route.quiet)
    app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[observe_requests(clock, quiet_paths)])
    draining = asyncio.Event()
    handlers = [endpoint(route, auth, limits, draining=draining, clock=clock) for route in table]
    for route, handler in zip(table, handlers, strict=True):
        _add(app, route, handler)
    app.on_response_prepare.extend((name_response, limits.note))
    app.on_startup.append(_require_declared(set(handlers)))
    app.on_shutdown.append(_set_on_shutdown(draining))
    return app


def _add(app: web.Application, route: AnyRoute, handler: Endpoint) -> None:
    # HTTP requires HEAD wherever there is GET; aiohttp leaves the body out.
    methods = ("GET", "HEAD") if route.method == "GET" else (route.method,)
    expect = _invite_body(route.body_kind.bytes_max)
    for method in methods:
        app.router.add_route(method, route.path, handler, expect_handler=expect)


def _invite_body(bytes_max: int) -> Callable[[web.Request], Awaitable[None]]:
    async def expect(raw: web.Request) -> None:
        # A 100 invites the body, so a body that is too long must not get it; HTTP/1.0 does not know 100.
        if raw.version >= HttpVersion11 and (raw.content_length or 0) <= bytes_max:
            await raw.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            raw.writer.output_size = 0  # nothing of the answer itself has been sent yet

    return expect


def _set_on_shutdown(event: asyncio.Event) -> Callable[[web.Application], Awaitable[None]]:
    async def set_event(_app: web.Application) -> None:
        event.set()

    return set_event


def _require_declared(declared: set[Endpoint]) -> Callable[[web.Application], Awaitable[None]]:
    async def check(app: web.Application) -> None:
        for added in app.router.routes():
            if added.handler not in declared:
                raise UndeclaredRoute(f"{added.method} {added.resource} was added without an access rule")

    return check


def _check_names(table: Sequence[AnyRoute]) -> None:
    for name, uses in Counter(route.operation_id for route in table).items():
        if uses > 1:
            raise UndeclaredRoute(f"{uses} routes have a handler named {name}; clients tell them apart by it")
