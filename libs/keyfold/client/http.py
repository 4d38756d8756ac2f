"""The services' HTTP as the commands see it: JSON in and out, and a problem as one sentence."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import orjson

from keyfold.client.endpoints import Endpoints, url_of
from keyfold.client.failure import CommandFailed
from keyfold.client.send_options import SendOptions
from keyfold.client.settings import variable

JsonObject = dict[str, Any]
"""A JSON object as a service answered it; its members are whatever API.md says of the call."""

TIMEOUT_S: Final = 30.0
PAUSES_S: Final = (0.2, 1.0)
"""How long a command whose connection was lost waits before it is sent again, and then again."""
PAGE_ITEMS_MAX: Final = 100
FIELD: Final = re.compile("`([a-z_]+)`")
"""A field of the API, as problems write its name in their text."""


class ProblemAnswered(CommandFailed):
    """A service refused; ``status`` and ``problem`` are its answer (RFC 9457)."""

    def __init__(self, status: int, problem: JsonObject) -> None:
        super().__init__(sentence(status, problem))
        self.status = status
        self.problem = problem

    @property
    def is_usage(self) -> bool:
        """Whether what was typed can never work, whatever there is: the same again would be refused again."""
        # This one depends on what came before under the key.
        is_of_the_past = str(self.problem.get("type", "")).endswith(":idempotency-key-reused")
        is_of_what_was_sent = self.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
        return is_of_what_was_sent and not is_of_the_past

    def told(self, place: Callable[[str], str]) -> str:
        """Say it with each fault's place as `place` calls it."""
        return sentence(self.status, self.problem, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAnswer:
    """What a service answered: a status and a JSON document."""

    status: int
    body: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    method: str
    url: str
    query: Mapping[str, str] | None
    body: JsonObject | None
    headers: Mapping[str, str]
    timeout_s: float


class Client:
    """Calls services by their names; ``bearer`` is the token that a call is made with."""

    def __init__(self, session: aiohttp.ClientSession, places: Endpoints) -> None:
        self._session = session
        self._places = places

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        bearer: str | None = None,
        body: JsonObject | None = None,
        query: Mapping[str, str] | None = None,
        terms: SendOptions | None = None,
    ) -> JsonObject:
        """Return the answer's document. Raises ProblemAnswered, or CommandFailed where nobody answers."""
        answer = await self.ask(service, method, path, bearer=bearer, body=body, query=query, terms=terms)
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
        terms: SendOptions | None = None,
    ) -> ServiceAnswer:
        """Return the answer, a refusal too. Raises CommandFailed where nobody answers.

        With terms it is sent again when the connection is lost, for then it happens once all the same.
        """
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        wait_s = 0 if terms is None else terms.wait_s or 0
        request = _Sent(
            method=method,
            url=self._places.url(service) + path,
            query=query,
            body=body,
            headers=headers if terms is None else {**headers, **terms.headers()},
            timeout_s=TIMEOUT_S + wait_s,
        )
        doubt = "" if terms is None else f" {_in_doubt(terms)}"
        try:
            status, content = await self._sent(request, () if terms is None else PAUSES_S)
        except TimeoutError as late:
            raise CommandFailed(
                f"The {service} service did not answer in {request.timeout_s:g} s: {request.url}.{doubt}"
            ) from late
        except aiohttp.ClientError as away:
            raise CommandFailed(f"The {service} service cannot be reached: {away}.{doubt}") from away
        refuse_redirect(service, status)
        return ServiceAnswer(status=status, body=document_of(content, service))

    async def _sent(self, request: _Sent, pauses_s: Sequence[float]) -> tuple[int, bytes]:
        for pause_s in pauses_s:
            try:
                return await self._sent_once(request)
            except TimeoutError:
                raise
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                await asyncio.sleep(pause_s)
        return await self._sent_once(request)

    async def _sent_once(self, request: _Sent) -> tuple[int, bytes]:
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
        """Return a document that is no JSON, such as metrics. Raises CommandFailed."""
        try:
            url = self._places.url(service) + path
            async with self._session.get(url, allow_redirects=False) as response:
                refuse_redirect(service, response.status)
                return await response.text()
        except (TimeoutError, aiohttp.ClientError) as away:
            raise CommandFailed(f"The {service} service cannot be reached: {away!r}") from away

    async def items(
        self, service: str, path: str, *, bearer: str, query: Mapping[str, str], items_max: int
    ) -> AsyncIterator[JsonObject]:
        """Yield a list's items over as many pages as it takes, at most ``items_max``."""
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
async def open_client(places: Endpoints) -> AsyncIterator[Client]:
    """Open a client of these services."""
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), json_serialize=_json_text
    ) as session:
        yield Client(session, places)


def refuse_redirect(service: str, status: int) -> None:
    """Raise CommandFailed for a redirect: a token must not follow it to an address that nobody named."""
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise CommandFailed(
            f"The {service} service answered {status}, a redirect, which is not followed: "
            f"set {variable(url_of(service))} to where it is itself."
        )


def sentence(status: int, problem: Mapping[str, object], place: Callable[[str], str] = str) -> str:
    """Say a problem in one sentence: what is wrong, where, and the kind for whoever searches for it."""
    detail = str(problem.get("detail") or problem.get("title") or f"The answer was {status}.")
    what = f": {problem['instance']}" if status == 404 and "instance" in problem else ""
    places = _faults(problem.get("errors"), place)
    # Where each fault has its place, that the body or the query is not acceptable says nothing more.
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
    """Return the JSON that a service answered. Raises CommandFailed where it is none."""
    if not content:
        return {}
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as broken:
        raise CommandFailed(f"The {service} service answered with something that is no JSON.") from broken
    return document if isinstance(document, dict) else {"items": document, "next_cursor": None}


def _in_doubt(terms: SendOptions) -> str:
    return (
        "Whether the command was done is not known: give it again with "
        f"--idempotency-key {terms.idempotency_key}, and it is done once."
    )


def _json_text(value: object) -> str:
    return orjson.dumps(value).decode()
