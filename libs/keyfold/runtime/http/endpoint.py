"""One route's request from its arrival to its response: recognise, limit, judge, read, handle, write."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Final, assert_never

from aiohttp import web
from pydantic import BaseModel
from structlog.contextvars import bind_contextvars, get_contextvars

from keyfold.runtime.auth.caller import Caller, TokenRejected
from keyfold.runtime.authenticator import Authenticator
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater
from keyfold.runtime.http.connection import recognise_caller
from keyfold.runtime.http.preconditions import FAILED, read_preconditions
from keyfold.runtime.http.problem import NOT_FOUND, Problem, Refused, of_status, problem_response
from keyfold.runtime.http.rate_limits import RateLimits
from keyfold.runtime.http.reading.request import (
    check_expectation,
    check_target,
    read_body,
    read_query,
    refuse_body,
)
from keyfold.runtime.http.route import Answer, AnyRoute, Reply, Request
from keyfold.runtime.http.rules import CredentialOr, OwnCredential, Public, Rule, RuleVerdict, describe, judge
from keyfold.runtime.http.streaming import Streamed, stream
from keyfold.runtime.http.trace import traceparent

Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BINDING_LOOK_INTERVAL_S: Final = 1.0
_KEY_LOOK_INTERVAL_S: Final = 2.0
_NOT_BOUND: Final = Problem(
    status=403,
    slug="login-not-bound",
    detail="this login is not bound to an account or a vendor; open an invitation",
)
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def endpoint(
    route: AnyRoute, auth: Authenticator, limits: RateLimits, *, draining: asyncio.Event, clock: Clock
) -> Endpoint:
    """Return the aiohttp handler of a route; ``draining`` ends its endless streams."""

    async def handle(raw: web.Request) -> web.StreamResponse:
        caller = await _admit(route, auth, limits, raw)
        reply = _apply_preconditions(route, raw, await route.handler(await _read(route, raw, caller)))
        if isinstance(reply, Streamed):
            return await stream(
                raw,
                reply,
                _HEADERS,
                draining=draining,
                expires_in_s=_expires_in_s(caller, clock),
                turned_away=None if caller is None else partial(_until_turned_away, auth, raw, caller),
            )
        return _respond(route, raw, reply)

    return handle


def _expires_in_s(caller: Caller | None, clock: Clock) -> float | None:
    if caller is None or caller.expires_at is None:
        return None
    return max(0.0, (caller.expires_at - clock.now()).total_seconds())


async def _until_turned_away(auth: Authenticator, raw: web.Request, caller: Caller) -> None:
    """Return soon after the caller's login is no longer bound as it was, or the key of its token was
    withdrawn, or when that cannot be told.
    """
    interval_s = _BINDING_LOOK_INTERVAL_S if caller.is_bound else _KEY_LOOK_INTERVAL_S
    with suppress(TryLater):
        while await _authenticate(auth, raw) == caller:  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(interval_s)


async def _admit(route: AnyRoute, auth: Authenticator, limits: RateLimits, raw: web.Request) -> Caller | None:
    rule = route.rule
    if isinstance(rule, OwnCredential):
        return None
    check_target(raw)
    check_expectation(raw)
    if isinstance(rule, Public) or (isinstance(rule, CredentialOr) and rule.header in raw.headers):
        return None
    caller = await _recognise(route, auth, limits, raw)
    match judge(rule.rule if isinstance(rule, CredentialOr) else rule, caller, raw.match_info):
        case RuleVerdict.ALLOWED:
            return caller
        case RuleVerdict.FORBIDDEN:
            raise Refused(_NOT_BOUND if caller.role is None else _forbidden(rule))
        case RuleVerdict.HIDDEN:
            raise Refused(NOT_FOUND)
        case verdict:
            assert_never(verdict)


async def _recognise(route: AnyRoute, auth: Authenticator, limits: RateLimits, raw: web.Request) -> Caller:
    outcome = await _authenticate(auth, raw)
    if isinstance(outcome, TokenRejected):
        await limits.turn_away(raw)
        raise Refused(_unauthorized(outcome.detail))
    recognise_caller(raw, outcome)
    bind_contextvars(role=outcome.role and outcome.role.value, sub=outcome.sub)
    await limits.admit(raw, outcome, is_command=route.is_command)
    return outcome


async def _authenticate(auth: Authenticator, raw: web.Request) -> Caller | TokenRejected:
    given = raw.headers.getall("Authorization", [])
    if len(given) > 1:
        return TokenRejected(detail="there is more than one Authorization header")
    return await auth.authenticate(given[0] if given else None)


def _forbidden(rule: Rule) -> Problem:
    return of_status(403, f"this call is for: {describe(rule)}")


def _unauthorized(detail: str) -> Problem:
    challenge = f'Bearer error="invalid_token", error_description="{detail}"'
    return of_status(401, detail, {"WWW-Authenticate": challenge})


async def _read(
    route: AnyRoute, raw: web.Request, caller: Caller | None
) -> Request[BaseModel | None, BaseModel | None]:
    if route.refuses_body:
        await refuse_body(raw)
    return Request(
        identity=caller,
        path=dict(raw.match_info),
        query=read_query(raw, route.query) if route.query else None,
        body=await read_body(raw, route.body, route.body_kind) if route.body else None,
        headers=raw.headers,
        request_id=str(get_contextvars()["request_id"]),
        traceparent=traceparent(raw.headers),
        raw=raw,
    )


def _apply_preconditions(route: AnyRoute, raw: web.Request, reply: Reply) -> Reply:
    """Apply the request's preconditions to a GET's reply; commands check them before they are done."""
    if route.method != "GET" or isinstance(reply, Problem | web.StreamResponse):
        return reply
    if isinstance(reply, Answer) and (reply.status or route.status) != HTTPStatus.OK:
        return reply
    asked, etag = read_preconditions(raw.headers), reply.headers.get("ETag")
    if not asked.is_matched(etag):
        return FAILED
    if asked.is_known(etag):
        return Answer(status=304, headers={"ETag": etag} if etag else {})
    return reply


def _respond(
    route: AnyRoute, raw: web.Request, reply: Answer | Problem | web.StreamResponse
) -> web.StreamResponse:
    match reply:
        case Answer():
            return _write_answer(reply, route.status)
        case Problem():
            return problem_response(reply, raw.rel_url.raw_path)
        case _:
            return reply


def _write_answer(answer: Answer, status: int) -> web.Response:
    body = answer.encode()
    response = web.Response(status=answer.status or status, body=body, headers={**_HEADERS, **answer.headers})
    if body is not None:
        response.headers["Content-Type"] = answer.content_type
    return response
