"""Links that work once: for whoever spends one first, at any registry, also after a restart."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from hashlib import sha256

import pytest

from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import rfc3339
from keyfold.store.ledger.spent_links import SpentLinks
from keyfold.store.postgres.connection import open_pool
from tests.support.registry.commanding import SetClock
from tests.support.registry.serving import OPERATOR, Answered, Registry, instance, owner

LINK = "x7Pq" * 16


def ends(seconds: float) -> str:
    """Return a time so many seconds from now."""
    return rfc3339(SYSTEM_CLOCK.now() + timedelta(seconds=seconds))


async def spend(registry: Registry, link_id: str = LINK, expires_at: str | None = None) -> Answered:
    """Spend a link as somebody."""
    body = {"link_id": link_id, "expires_at": expires_at or ends(60)}
    return await registry.ask(owner("acc_1"), "POST", "/v1/links/spend", body)


async def test_once_at_any_registry(database: str) -> None:
    """Of many that spend a link at once, at two registries, one does; after a restart it is spent still."""
    async with instance(database) as one, instance(database) as other:
        answers = await asyncio.gather(*(spend(each) for each in (one, other) * 10))
        assert sorted(each.status for each in answers) == [204] + [409] * 19
        assert {each.slug for each in answers if each.status == 409} == {"link-spent"}
        assert (await spend(one, LINK + "2")).status == 204
        assert (await one.ledger.head()).position == 0
    async with instance(database) as again:
        assert (await spend(again)).status == 409
        refused = await again.ask(
            OPERATOR, "POST", "/v1/links/spend", {"link_id": LINK, "expires_at": ends(9)}
        )
        assert refused.slug == "link-spent"


@pytest.mark.parametrize(
    ("seconds", "status", "slug"), [(-1, 409, "link-over"), (125, 422, "link-too-long"), (115, 204, None)]
)
async def test_for_two_minutes_at_most(database: str, seconds: float, status: int, slug: str | None) -> None:
    """A link that is over, or that would last longer, is refused and not spent."""
    async with instance(database) as registry:
        answered = await spend(registry, expires_at=ends(seconds))
        assert answered.status == status
        assert slug is None or answered.slug == slug
        assert slug != "link-too-long" or answered.pointers == ["/expires_at"]
        assert (await spend(registry)).status == (409 if status == 204 else 204)


@pytest.mark.parametrize("link_id", ["short", "x" * 257, "with spaces " * 3, "é" * 30, 7, None], ids=str)
async def test_no_link(database: str, link_id: object) -> None:
    """An id that could be guessed is none."""
    async with instance(database) as registry:
        body = {"link_id": link_id, "expires_at": ends(60)}
        refused = await registry.ask(OPERATOR, "POST", "/v1/links/spend", body)
        assert (refused.status, refused.pointers) == (422, ["/link_id"])


async def test_kept_until_it_is_over(database: str) -> None:
    """A digest alone is kept, and forgotten some time after nobody could spend the link any more."""
    clock = SetClock()
    async with (
        instance(database, clock=clock) as registry,
        open_pool(database, application_name="test") as pool,
    ):
        await spend(registry)
        (row,) = await pool.fetch("select digest, expires_at from ledger.spent_links")
        assert row["digest"] == sha256(LINK.encode()).digest()
        links, expires_at = SpentLinks(pool), row["expires_at"]
        assert isinstance(expires_at, datetime)
        assert await links.purge(expires_at) == 0
        assert await links.purge(expires_at + timedelta(minutes=11)) == 1
        assert await pool.fetch("select from ledger.spent_links") == []
        clock.moved_by = timedelta(seconds=61)
        assert (await spend(registry, expires_at=rfc3339(expires_at))).slug == "link-over"
