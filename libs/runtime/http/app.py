"""A service's application: its routes and those that every service has, each with a rule, or none at all."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from libs.runtime.auth import Authenticator
from libs.runtime.clock import SYSTEM_CLOCK, Clock
from libs.runtime.health import Health
from libs.runtime.http.endpoint import endpoint
from libs.runtime.http.observe import name_response, observing
from libs.runtime.http.rate_limits import UNLIMITED, RateLimits
from libs.runtime.http.reading import BODY_BYTES_MAX
from libs.runtime.http.route import AnyRoute, UndeclaredRoute
from libs.runtime.http.standard import description, standard_routes


def build_app(
    name: str,
    routes: Sequence[AnyRoute],
    *,
    auth: Authenticator,
    health: Health,
    clock: Clock = SYSTEM_CLOCK,
    limits: RateLimits = UNLIMITED,
) -> web.Application:
    """Make the application of a route table; raise ``UndeclaredRoute`` where the table leaves something open.

    A route that is added to the application by any other way keeps it from starting.
    """
    table = [*routes, *standard_routes(health)]
    table.append(description(name, table))
    _check_names(table)
    quiet_paths = frozenset(route.path for route in table if route.quiet)
    app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[observing(clock, quiet_paths)])
    declared = {_add(app, route, auth, limits) for route in table}
    app.on_response_prepare.extend((name_response, limits.note))
    app.on_startup.append(_only(declared))
    return app


def _add(app: web.Application, route: AnyRoute, auth: Authenticator, limits: RateLimits) -> object:
    handler = endpoint(route, auth, limits)
    # HTTP wants HEAD wherever there is GET; aiohttp leaves the body out.
    methods = ("GET", "HEAD") if route.method == "GET" else (route.method,)
    for method in methods:
        app.router.add_route(method, route.path, handler, expect_handler=_expect)
    return handler


async def _expect(raw: web.Request) -> None:
    # A 100 invites the body, which a length that will be refused must not; other expectations are ignored.
    if raw.headers["Expect"].lower() == "100-continue" and (raw.content_length or 0) <= BODY_BYTES_MAX:
        await raw.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _only(declared: set[object]) -> Callable[[web.Application], Awaitable[None]]:
    async def check(app: web.Application) -> None:
        for added in app.router.routes():
            if added.handler not in declared:
                raise UndeclaredRoute(f"{added.method} {added.resource} was added without an access rule")

    return check


def _check_names(table: Sequence[AnyRoute]) -> None:
    for name, uses in Counter(route.operation_id for route in table).items():
        if uses > 1:
            raise UndeclaredRoute(f"{uses} routes have a handler named {name}; clients tell them apart by it")
