"""What every request gets: an id, a problem if it fails, metrics, and one line in the log."""

import re
from typing import Final

import structlog
from aiohttp import ClientConnectionResetError, web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_protocol import RequestPayloadError
from structlog.contextvars import bind_contextvars, get_contextvars

from keyfold.runtime import metrics
from keyfold.runtime.auth.jwks import KeysTooOld
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater
from keyfold.runtime.http.problem import Problem, Refused, of_status, problem_response
from keyfold.runtime.http.reading.request import BodyTooSlow, check_head
from keyfold.runtime.http.streaming import IS_STREAMED, StreamFailed

REQUEST_ID: Final = "X-Request-Id"
_CLIENTS_OWN_ID: Final = re.compile(r"[A-Za-z0-9._~+/=:-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_RETRY_AFTER_S: Final = 1
_GONE_STATUS: Final = 499
_FAILED_STATUS: Final = 500

REQUESTS: Final = metrics.counter(
    "keyfold_http_requests_total", "Requests answered, by route and status.", ("method", "route", "status")
)
DURATION: Final = metrics.histogram(
    "keyfold_http_request_duration_seconds",
    "From a request's headers to its response; of streamed ones nothing.",
    ("method", "route"),
)

log = structlog.get_logger(__name__)


def observe_requests(clock: Clock, quiet_paths: frozenset[str]) -> Middleware:
    """Return the one middleware of every service; requests to ``quiet_paths`` are logged at debug."""

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        # aiohttp runs each request in its own task, so what is bound here ends with the request.
        bind_contextvars(request_id=request_id(request.headers.get(REQUEST_ID), clock))
        started_s = clock.monotonic_s()
        status = _GONE_STATUS
        try:
            response = await _answer(request, handler)
            status = response.status
            return response
        except StreamFailed:
            status = _FAILED_STATUS
            raise
        finally:
            _record(request, status, clock.monotonic_s() - started_s, quiet_paths)

    return observe


def request_id(given: str | None, clock: Clock) -> str:
    """Return the client's own id if it is short and harmless in a log, else a new one."""
    return given if given and _CLIENTS_OWN_ID.fullmatch(given) else clock.new_event_id()


async def name_response(_raw: web.Request, response: web.StreamResponse) -> None:
    """Put the request's id on its response; a signal, so that streamed responses have it too."""
    response.headers[REQUEST_ID] = str(get_contextvars().get("request_id", ""))
    response.headers["Server"] = "keyfold"


async def _answer(raw: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        check_head(raw)
        return await handler(raw)
    except ClientConnectionResetError:
        # The client left in the middle of a streamed response: aiohttp closes it, and nobody is at fault.
        raise
    except Exception as error:
        return problem_response(_problem(error), raw.rel_url.raw_path)


_KEYS_TOO_OLD: Final = Problem(
    status=503,
    slug="token-keys-too-old",
    detail="the keys of the tokens' issuer could not be refreshed for too long, so no token is believed now",
    headers={"Retry-After": str(_RETRY_AFTER_S)},
)


def _problem(error: Exception) -> Problem:
    match error:
        case Refused():
            return error.problem
        case web.HTTPException():
            return _by_aiohttp(error)
        case BodyTooSlow():
            return of_status(408, "the body took too long to arrive", {"Connection": "close"})
        case RequestPayloadError():
            return of_status(400, "the body's transfer encoding is broken")
        case KeysTooOld():
            log.warning("request_put_off", reason=str(error))
            return _KEYS_TOO_OLD
        case TryLater():
            log.warning("request_put_off", reason=str(error))
            return of_status(503, "something this needs is away", {"Retry-After": str(_RETRY_AFTER_S)})
        case _:
            log.error("request_failed", exc_info=error)
            return of_status(500, "the fault is ours; the request id finds it in our log")


def _by_aiohttp(error: web.HTTPException) -> Problem:
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return of_status(405, f"this path takes {allowed}", {"Allow": allowed})
        case web.HTTPRequestEntityTooLarge():
            return Problem(status=413, slug="body-too-large", detail="a body is at most 64 KiB")
        case web.HTTPNotFound():
            return Problem(status=404, slug="no-such-path", detail="there is nothing at this path")
        case _:
            return of_status(error.status, error.reason)


def _record(raw: web.Request, status: int, duration_s: float, quiet_paths: frozenset[str]) -> None:
    # The path's template and a known method, never what was sent: a label must have few values.
    resource = raw.match_info.route.resource
    route = resource.canonical if resource else "unmatched"
    method = raw.method if raw.method in _METHODS else "other"
    REQUESTS.labels(method, route, str(status)).inc()
    if not raw.get(IS_STREAMED):
        DURATION.labels(method, route).observe(duration_s)
    level = "debug" if route in quiet_paths else "info"
    getattr(log, level)(
        "http_request", method=method, route=route, status=status, duration_ms=round(duration_s * 1000, 3)
    )
