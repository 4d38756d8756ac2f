"""The services' HTTP as commands see it: JSON in and out, and a problem as one sentence."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import orjson

from keyfold.client.endpoints import Endpoints, url_setting
from keyfold.client.failure import CommandFailed
from keyfold.client.send_options import SendOptions
from keyfold.client.settings import variable

JsonObject = dict[str, Any]
"""A JSON object that a service answered; API.md says which members it has."""

TIMEOUT_S: Final = 30.0
PAUSES_S: Final = (0.2, 1.0)
"""How long to wait before a command whose connection was lost is sent a second and a third time."""
PAGE_ITEMS_MAX: Final = 100
FIELD: Final = re.compile("`([a-z_]+)`")
"""A field of the API, as the text of problems writes its name."""


class ProblemAnswered(CommandFailed):
    """A service refused; ``status`` and ``problem`` are its answer (RFC 9457)."""

    def __init__(self, status: int, problem: JsonObject) -> None:
        super().__init__(sentence(status, problem))
        self.status = status
        self.problem = problem

    @property
    def is_usage(self) -> bool:
        """Whether what was typed can never work: the same call would always be refused."""
        # This one depends on an earlier command with the same idempotency key.
        is_of_the_past = str(self.problem.get("type", "")).endswith(":idempotency-key-reused")
        is_of_what_was_sent = self.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
        return is_of_what_was_sent and not is_of_the_past

    def describe(self, place: Callable[[str], str]) -> str:
        """Return the problem in one sentence, with each fault's place as `place` calls it."""
        return sentence(self.status, self.problem, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAnswer:
    """What a service answered: a status and a JSON document."""

    status: int
    body: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outgoing:
    method: str
    url: str
    query: Mapping[str, str] | None
    body: JsonObject | None
    headers: Mapping[str, str] = field(repr=False)
    timeout_s: float


class Client:
    """Calls services by name; ``bearer`` is the token to call with."""

    def __init__(self, session: aiohttp.ClientSession, endpoints: Endpoints) -> None:
        self._session = session
        self._endpoints = endpoints

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        bearer: str | None = None,
        body: JsonObject | None = None,
        query: Mapping[str, str] | None = None,
        options: SendOptions | None = None,
    ) -> JsonObject:
        """Return the answer's document. Raises ProblemAnswered, or CommandFailed if nobody answers."""
        answer = await self.ask(service, method, path, bearer=bearer, body=body, query=query, options=options)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ProblemAnswered(answer.status, answer.body)
        return answer.body

    async def ask(
        self,
        service: str,
        method: str,
        path: str,
        *,
        bearer: str | None = None,
        body: JsonObject | None = None,
        query: Mapping[str, str] | None = None,
        options: SendOptions | None = None,
    ) -> ServiceAnswer:
        """Return the answer, even a refusal. Raises CommandFailed if nobody answers.

        A call with options is sent again when the connection is lost: it still happens only once.
        """
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        wait_s = 0 if options is None else options.wait_s or 0
        request = _Outgoing(
            method=method,
            url=self._endpoints.url(service) + path,
            query=query,
            body=body,
            headers=headers if options is None else {**headers, **options.headers()},
            timeout_s=TIMEOUT_S + wait_s,
        )
        doubt = "" if options is None else f" {_describe_doubt(options)}"
        try:
            status, content = await self._send(request, () if options is None else PAUSES_S)
        except TimeoutError as late:
            raise CommandFailed(
                f"The {service} service did not answer in {request.timeout_s:g} s: {request.url}.{doubt}"
            ) from late
        except aiohttp.ClientError as away:
            raise CommandFailed(f"The {service} service cannot be reached: {away}.{doubt}") from away
        refuse_redirect(service, status)
        return ServiceAnswer(status=status, body=document_of(content, service))

    async def _send(self, request: _Outgoing, pauses_s: Sequence[float]) -> tuple[int, bytes]:
        for pause_s in pauses_s:
            try:
                return await self._send_once(request)
            except TimeoutError:
                raise
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                await asyncio.sleep(pause_s)
        return await self._send_once(request)

    async def _send_once(self, request: _Outgoing) -> tuple[int, bytes]:
        async with self._session.request(
            request.method,
            request.url,
            params=request.query,
            json=request.body,
            headers=request.headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=request.timeout_s),
        ) as response:
            return response.status, await response.read()

    async def text(self, service: str, path: str) -> str:
        """Return a document that is not JSON, such as metrics. Raises CommandFailed."""
        try:
            url = self._endpoints.url(service) + path
            async with self._session.get(url, allow_redirects=False) as response:
                refuse_redirect(service, response.status)
                return await response.text()
        except (TimeoutError, aiohttp.ClientError) as away:
            raise CommandFailed(f"The {service} service cannot be reached: {away!r}") from away

    async def items(
        self, service: str, path: str, *, bearer: str, query: Mapping[str, str], items_max: int
    ) -> AsyncIterator[JsonObject]:
        """Yield at most ``items_max`` items of a list, over as many pages as it takes."""
        left, cursor = items_max, dict[str, str]()
        while left > 0:
            paged = {**query, **cursor, "limit": str(min(left, PAGE_ITEMS_MAX))}
            answer = await self.call(service, "GET", path, bearer=bearer, query=paged)
            for item in answer["items"][:left]:
                yield item
            left -= len(answer["items"])
            if answer["next_cursor"] is None:
                return
            cursor = {"cursor": answer["next_cursor"]}


@asynccontextmanager
async def open_client(endpoints: Endpoints) -> AsyncIterator[Client]:
    """Yield a client of these services."""
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), json_serialize=_json_text
    ) as session:
        yield Client(session, endpoints)


def refuse_redirect(service: str, status: int) -> None:
    """Raise CommandFailed for a redirect: a token must not be sent to an address that nobody named."""
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise CommandFailed(
            f"The {service} service answered {status}, a redirect, which is not followed: "
            f"set {variable(url_setting(service))} to where it is itself."
        )


def sentence(status: int, problem: Mapping[str, object], place: Callable[[str], str] = str) -> str:
    """Return a problem as one sentence: what is wrong, where, and its kind, to search for."""
    detail = str(problem.get("detail") or problem.get("title") or f"The answer was {status}.")
    what = f": {problem['instance']}" if status == 404 and "instance" in problem else ""
    places = _faults(problem.get("errors"), place)
    # If each fault has its place, "the body is not acceptable" says nothing more.
    said = (
        "; ".join(places) if places and place is not str else "; ".join([detail.rstrip(".") + what, *places])
    )
    said = FIELD.sub(lambda field: place(f"/{field[1]}").removeprefix("/"), said)
    kind = str(problem.get("type", "")).rpartition(":")[2] or "problem"
    return f"{said[:1].upper()}{said[1:]} ({status} {kind})."


def _faults(errors: object, place: Callable[[str], str]) -> list[str]:
    if not isinstance(errors, list):
        return []
    found = [each for each in errors if isinstance(each, dict)]
    return [
        f"{place(str(each.get('pointer', '')))}: {each.get('detail')}".removeprefix(": ") for each in found
    ]


def document_of(content: bytes, service: str) -> JsonObject:
    """Return the JSON object that a service answered, a list as its ``items``. Raises CommandFailed."""
    if not content:
        return {}
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as broken:
        raise CommandFailed(f"The {service} service answered with something that is no JSON.") from broken
    return document if isinstance(document, dict) else {"items": document, "next_cursor": None}


def _describe_doubt(options: SendOptions) -> str:
    return (
        "Whether the command was done is not known: give it again with "
        f"--idempotency-key {options.idempotency_key}, and it is done once."
    )


def _json_text(value: object) -> str:
    return orjson.dumps(value).decode()
