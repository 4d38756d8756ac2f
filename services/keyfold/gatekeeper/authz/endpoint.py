"""The same questions on the service's own port, over aiohttp, for gateways that cannot use another port."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from keyfold.gatekeeper.authz.answers import AuthzAnswer
from keyfold.gatekeeper.authz.authorizer import Authz
from keyfold.gatekeeper.authz.request.original_request import PREFIX
from keyfold.gatekeeper.gateways import TOKEN_HEADER
from keyfold.runtime.http import OwnCredential, Reply, Request, Route
from keyfold.runtime.http.connection import recognise_tenant
from keyfold.runtime.http.route import AnyRoute

_Handler = Callable[[Request[None, None]], Awaitable[Reply]]


class _PendingExchange:
    """An exchange whose answer is awaited."""

    def __init__(self, raw: web.BaseRequest) -> None:
        self._raw = raw
        self.answer: asyncio.Future[AuthzAnswer] = asyncio.get_running_loop().create_future()

    def recognise(self, gateway: str) -> None:
        recognise_tenant(self._raw, gateway)

    def respond(self, answer: AuthzAnswer) -> None:
        if not self.answer.done():  # it is done if the request was cancelled
            self.answer.set_result(answer)


class AuthzEndpoint:
    """Takes questions from aiohttp to `Authz`, and its answers back."""

    def __init__(self, authz: Authz) -> None:
        self._authz = authz

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return the routes on which gateways may ask."""

        async def authorize(request: Request[None, None]) -> Reply:
            return await self._answer(request.raw)

        async def authorize_path(request: Request[None, None]) -> Reply:
            return await self._answer(request.raw)

        by_headers = _route(PREFIX, authorize, "told by the gateway's headers")
        by_path = _route(PREFIX + "/{rest:.*}", authorize_path, f"told by the path after {PREFIX}")
        return by_headers, by_path

    async def _answer(self, raw: web.BaseRequest) -> web.StreamResponse:
        waiting = _PendingExchange(raw)
        fields = self._authz.field_names.of(raw.raw_headers)
        self._authz.ask(waiting, raw.method, raw.raw_path, fields)
        response = _response(await waiting.answer)
        if not raw.content.is_eof():
            await _send_and_leave(raw, response)
        return response


def _response(answer: AuthzAnswer) -> web.Response:
    headers = {**answer.headers, "Server": "keyfold"}
    return web.Response(status=answer.status, headers=headers, body=answer.body or None)


async def _send_and_leave(raw: web.BaseRequest, response: web.Response) -> None:
    # The body does not matter here, and reading it to its end could take as long as its sender likes.
    response.force_close()
    await response.prepare(raw)
    await response.write_eof()
    raw.protocol.force_close()


def _route(path: str, handler: _Handler, how: str) -> AnyRoute:
    return Route(
        method="*",
        path=path,
        handler=handler,
        rule=OwnCredential(TOKEN_HEADER),
        summary=f"May the original request, {how}, pass?",
        refusals=(503,),
        quiet=True,
    )
