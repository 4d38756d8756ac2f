"""Where gateways ask, over aiohttp: on the service's own port, and on one where nothing else is served."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from libs.runtime.http import OwnCredential, Reply, Request, Route
from libs.runtime.http.problem import of_status, problem_response
from libs.runtime.http.route import AnyRoute
from services.gatekeeper.answers import Answer
from services.gatekeeper.authz import Authz
from services.gatekeeper.gateways import TOKEN_HEADER
from services.gatekeeper.original_request import PREFIX

_Handler = Callable[[Request[None, None]], Awaitable[Reply]]
_NOTHING_ELSE: Final = of_status(404, f"gateways ask at {PREFIX}; there is nothing else on this port")


class AuthzEndpoint:
    """Carries questions from aiohttp to `Authz` and its answers back."""

    def __init__(self, authz: Authz) -> None:
        self._authz = authz

    async def handle(self, raw: web.BaseRequest) -> web.StreamResponse:
        """Answer on the gateways' own port, where nothing stands between the parser and the decision."""
        if not raw.raw_path.startswith(PREFIX):
            return problem_response(_NOTHING_ELSE, raw.rel_url.raw_path)
        return await self._answered(raw)

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return the rows of the service's route table where the same questions are answered."""

        async def authorize(request: Request[None, None]) -> Reply:
            return await self._answered(request.raw)

        async def authorize_path(request: Request[None, None]) -> Reply:
            return await self._answered(request.raw)

        by_headers = _row(PREFIX, authorize, "told by the gateway's headers")
        by_path = _row(PREFIX + "/{rest:.*}", authorize_path, f"told by the path after {PREFIX}")
        return by_headers, by_path

    async def _answered(self, raw: web.BaseRequest) -> web.StreamResponse:
        response = _response(await self._authz.answer(raw.method, raw.raw_path, raw.headers))
        if not raw.content.is_eof():
            await _send_and_leave(raw, response)
        return response


def _response(answer: Answer) -> web.Response:
    headers = {**answer.headers, "Server": "keyfold"}
    return web.Response(status=answer.status, headers=headers, body=answer.body or None)


async def _send_and_leave(raw: web.BaseRequest, response: web.Response) -> None:
    # A body is of no concern here, and to read on until its end could take as long as its sender likes.
    response.force_close()
    await response.prepare(raw)
    await response.write_eof()
    raw.protocol.force_close()


def _row(path: str, handler: _Handler, told: str) -> AnyRoute:
    return Route(
        method="*",
        path=path,
        handler=handler,
        rule=OwnCredential(TOKEN_HEADER),
        summary=f"May the original request, {told}, pass?",
        refusals=(503,),
        quiet=True,
    )
