"""Times at and beyond the calendar's edges, in each question's query and cursor: answered or refused."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

import orjson
import pytest

from keyfold.audit.query.completeness import CompletenessRoutes
from keyfold.store.access_log.summaries import Bucket
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.following import NoonClock
from tests.support.audit.log import ACCOUNT, Log, asking
from tests.support.edges import TIMES, documents
from tests.support.runtime.serving import Client, serving
from tests.support.state_secret import LOG_SEAL

Query = dict[str, str]
HOUR: Final = timedelta(hours=1)
COMPLETENESS: Final = "/v1/audit/completeness"
_AT: Final = "2026-03-15T11:00:00.000000Z"
# What each question's cursor is made of.
CURSORS: Final[dict[str, dict[str, Any]]] = {
    ACCOUNT: {"at": _AT, "event_id": "00000000-0000-0000-0000-000000000001"},
    f"{ACCOUNT}/summary?bucket=hour": {"start": _AT, "combination": ["", "", "", "", ""]},
    f"{ACCOUNT}/summary?bucket=day": {"start": _AT, "combination": ["", "", "", "", ""]},
    COMPLETENESS: {"hour": _AT, "gatekeeper": "run"},
}
CHARACTERS_MAX: Final = 3000
QUESTIONS: Final = (*CURSORS, f"{ACCOUNT}/export?format=ndjson")


@pytest.fixture
async def client(database: str, pool: Pool) -> AsyncIterator[Client]:
    """A client of the audit service, whose log has two events."""
    await Log(pool).file(access_event(1), access_event(2, at=EPOCH - HOUR))
    async with asking(database, pool) as client:
        yield client


@pytest.fixture
async def completeness(pool: Pool) -> AsyncIterator[Client]:
    """A client of what accounts for the log's numbers."""
    clock = NoonClock(at=EPOCH)
    async with serving(CompletenessRoutes(pool, clock, "access", LOG_SEAL).routes(), clock) as client:
        yield client


async def status(clients: tuple[Client, Client], question: str, query: Query) -> int:
    """Ask one of the two services; return the status once all of the answer is there."""
    asked, token = (clients[1], "operator") if question == COMPLETENESS else (clients[0], "owner-1")
    address = f"{question}{'&' if '?' in question else '?'}{urlencode(query)}"
    async with asked.ask("GET", address, token=token) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize("question", QUESTIONS)
async def test_no_time_fails_a_question(client: Client, completeness: Client, question: str) -> None:
    """Whatever time bounds a question, it is answered, or the time is refused."""
    asked = (client, completeness)
    found = {
        (name, at): await status(asked, question, {name: at}) for name in ("since", "until") for at in TIMES
    }
    assert set(found.values()) == {200, 400}
    assert [at for at in TIMES if found["until", at] == 200] == [
        "0001-01-01T00:30:00.000001Z",
        "1970-01-01T00:00:00Z",
        "2026-11-30T00:00:00.0000009Z",
        "2026-11-30t00:00:00z",
        "3500-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999998Z",
    ]


@pytest.mark.parametrize("question", CURSORS)
async def test_no_cursor_fails_a_question(client: Client, completeness: Client, question: str) -> None:
    """Whatever time a cursor tells of, it passes for one of the list's or is refused; one to come is."""
    asked, shape = (client, completeness), CURSORS[question]
    time = next(iter(shape))
    for place, document in documents(shape):
        if place == f"/{time}" and len(document) < CHARACTERS_MAX:
            assert await status(asked, question, {"cursor": word(document)}) in {200, 400}, document
    for ahead in ("2026-03-17T12:00:00Z", "9999-12-31T23:30:00Z"):
        forged = word(orjson.dumps({**shape, time: ahead}))
        assert await status(asked, question, {"cursor": forged}) == 400


def word(content: bytes) -> str:
    """Return a cursor of that content."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize("question", [ACCOUNT, *(f"{ACCOUNT}/summary?bucket={each}" for each in Bucket)])
async def test_an_end_in_the_far_future_is_no_end(client: Client, question: str) -> None:
    """Up to the year 3500 there is what there is without an end."""
    until = f"{'&' if '?' in question else '?'}until=3500-01-01T00:00:00Z"
    async with (
        client.ask("GET", question, token="owner-1") as without,
        client.ask("GET", question + until, token="owner-1") as bounded,
    ):
        found = await bounded.json()
        assert found == await without.json()
        assert len(found["items"]) == (1 if question.endswith("day") else 2)


@pytest.mark.parametrize("question", QUESTIONS)
async def test_an_end_before_the_beginning_is_refused(
    client: Client, completeness: Client, question: str
) -> None:
    """Who has taken one bound for the other is told so, and not that there was nothing."""
    asked = (client, completeness)
    query = {"since": "2026-03-15T12:00:00Z", "until": "2026-03-15T11:59:59Z"}
    assert await status(asked, question, query) == 400
    assert await status(asked, question, {**query, "until": query["since"]}) == 200
