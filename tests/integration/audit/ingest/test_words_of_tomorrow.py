"""Words that this code does not know: kept and shown as they are, wherever the log is asked."""

from __future__ import annotations

import csv
import io

import orjson

from keyfold.domain.ids import KeyId
from keyfold.store.access_log.counts import read_allowed
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.log import ACCOUNT, Log, Query, ask, target
from tests.support.audit.sse import listening
from tests.support.runtime.serving import Client

KNOWN = access_event(1)
ALLOWED = access_event(2, category="dental")
DENIED = access_event(3, category="dental", reason="moonlight")
ONLY: Query = {"reason": "moonlight"}


async def export(client: Client, form: str) -> str:
    """Return an export of what was denied for a reason of tomorrow."""
    query = {**ONLY, "format": form}
    async with client.ask("GET", target(f"{ACCOUNT}/export", query), token="owner-1") as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text()


async def test_a_gatekeeper_of_tomorrow_is_read_today(client: Client, pool: Pool) -> None:
    """A reason and a category that this code does not know are in the list, both files, the stream and the
    counts, and are found by the reason.
    """
    async with listening(client, ACCOUNT, ONLY) as listener:
        await Log(pool).file(KNOWN, ALLOWED, DENIED)
        told = await listener.next(1)
    assert [(item["reason"], item["category"]) for item in told] == [("moonlight", "dental")]
    assert (await ask(client, ACCOUNT, ONLY))["items"] == told
    assert [orjson.loads(line) for line in (await export(client, "ndjson")).splitlines()] == told
    [row] = csv.DictReader(io.StringIO(await export(client, "csv"), newline=""))
    assert (row["reason"], row["category"], row["decision"]) == ("moonlight", "dental", "deny")
    counted = await ask(client, f"{ACCOUNT}/summary", {"bucket": "day", "by": "category,decision"})
    assert sorted((item["category"], item["decision"], item["requests"]) for item in counted["items"]) == [
        ("dental", "allow", 1),
        ("dental", "deny", 1),
        ("patient", "allow", 1),
    ]


async def test_a_category_of_tomorrow_is_no_permission_of_today(pool: Pool) -> None:
    """What a key was allowed is told of the categories that this code can grant."""
    await Log(pool).file(KNOWN, ALLOWED)
    assert (await read_allowed(pool, KeyId("key_1"), EPOCH)).keys() == {"patient"}
