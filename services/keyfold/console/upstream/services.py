"""The services over HTTP, called with the token of whoever is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import orjson

from keyfold.console.upstream.failures import (
    Away,
    Changed,
    JsonObject,
    NotAllowed,
    NotBound,
    NotFound,
    ServiceRefused,
    SignedOut,
    TooMany,
)

TIMEOUT_S: Final = 5.0
"""How long a page waits for a service before it is shown without that service's part."""
COMMAND_TIMEOUT_S: Final = 15.0
STREAM_SILENCE_MAX_S: Final = 60.0
NOT_BOUND: Final = "login-not-bound"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCommand:
    """A command: `once` is its Idempotency-Key, `version` the ETag's number that it was decided on.

    `wait_s` asks for the answer once it is in force everywhere, or after this many seconds.
    """

    method: str
    path: str
    once: str
    body: Mapping[str, Any] | None = None
    version: int | None = None
    wait_s: int | None = None

    def headers(self) -> Mapping[str, str]:
        """Return its request's headers."""
        match = {} if self.version is None else {"If-Match": f'"{self.version}"'}
        wait = {} if self.wait_s is None else {"Prefer": f"wait={self.wait_s}"}
        return {"Idempotency-Key": self.once, **match, **wait}


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Calls services for one person. Every method raises Away, ServiceRefused or one of its kinds."""

    session: aiohttp.ClientSession
    urls: Mapping[str, str]
    token: str = field(repr=False)
    request_id: str = ""

    async def get(self, service: str, path: str, query: Mapping[str, str] | None = None) -> JsonObject:
        """Return the JSON at a path."""
        return await self._ask(service, "GET", path, query=query)

    async def look(self, service: str, path: str) -> tuple[int, bytes]:
        """Return the status and the body at a path that needs no token, even of a failure. Raises Away."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            url = self._url(service) + path
            async with self.session.get(url, timeout=timeout, allow_redirects=False) as answer:
                return answer.status, await answer.read()
        except (TimeoutError, aiohttp.ClientError) as lost:
            raise Away(service, str(lost) or type(lost).__name__) from lost

    async def ask(self, service: str, path: str, body: Mapping[str, Any]) -> JsonObject:
        """Return the answer to a question that needs a body and changes nothing."""
        return await self._ask(service, "POST", path, body=body)

    async def do(self, command: SentCommand, service: str = "registry") -> JsonObject:
        """Send a command and return its answer; sent again with the same key, it is done once."""
        return await self._ask(
            service,
            command.method,
            command.path,
            body=command.body,
            headers=command.headers(),
            timeout_s=COMMAND_TIMEOUT_S + (command.wait_s or 0),
        )

    @asynccontextmanager
    async def stream(
        self, service: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield an answer of any length, or without end, to be read as it comes."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S, sock_read=STREAM_SILENCE_MAX_S)
        try:
            async with self.session.get(
                self._url(service) + path,
                params=query,
                headers={**self._headers(), **headers},
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                if answer.status != HTTPStatus.OK:
                    raise _refusal(service, answer, _document(await answer.read()))
                yield answer
        except (TimeoutError, aiohttp.ClientError) as lost:
            raise Away(service, str(lost) or type(lost).__name__) from lost

    async def _ask(
        self,
        service: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> JsonObject:
        try:
            async with self.session.request(
                method,
                self._url(service) + path,
                params=query,
                data=None if body is None else orjson.dumps(body),
                headers={**self._headers(), "Content-Type": "application/json", **(headers or {})},
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as answer:
                document = _document(await answer.read())
                if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                    raise _refusal(service, answer, document)
                return document
        except (TimeoutError, aiohttp.ClientError) as lost:
            raise Away(service, str(lost) or type(lost).__name__) from lost

    def _url(self, service: str) -> str:
        if service not in self.urls:
            raise Away(service, "no address of it is set")
        return self.urls[service]

    def _headers(self) -> Mapping[str, str]:
        named = {"X-Request-Id": self.request_id} if self.request_id else {}
        return {"Authorization": f"Bearer {self.token}", **named}


def _document(content: bytes) -> JsonObject:
    try:
        document = orjson.loads(content) if content else {}
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {"items": document}


def _refusal(service: str, answer: aiohttp.ClientResponse, problem: JsonObject) -> Away | ServiceRefused:
    match answer.status:
        case HTTPStatus.UNAUTHORIZED:
            return SignedOut(service, answer.status, problem)
        case HTTPStatus.FORBIDDEN:
            refused = NotAllowed(service, answer.status, problem)
            return NotBound(service, answer.status, problem) if refused.kind == NOT_BOUND else refused
        case HTTPStatus.NOT_FOUND:
            return NotFound(service, answer.status, problem)
        case HTTPStatus.PRECONDITION_FAILED:
            return Changed(service, answer.status, problem)
        case HTTPStatus.TOO_MANY_REQUESTS:
            seconds = answer.headers.get("Retry-After", "")
            return TooMany(service, problem, int(seconds) if seconds.isdecimal() else 1)
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.BAD_REQUEST:
            return Away(service, f"it answered {status}")
        case status:
            return ServiceRefused(service, status, problem)
