"""What names nobody: no event is in the log where it cannot be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Final

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import access_event
from tests.support.audit.log import (
    ACCOUNT,
    KEY,
    PLACES,
    UNATTRIBUTED,
    VENDOR,
    Log,
    Query,
    ask,
    number,
)
from tests.support.runtime.serving import Client

# What names a key names its account too, as far as we write events. But a record is filed as it comes.
EVENTS: Final = tuple(
    access_event(
        n,
        account_id=account_id,
        key_id=key_id,
        vendor_id=vendor_id,
        vendor_key_id=vendor_key_id,
        requests=1 + 1000 * (n % 2),
    )
    for n, (account_id, key_id, vendor_id, vendor_key_id) in enumerate(
        product(
            (None, AccountId(""), AccountId("acc_1")),
            (None, KeyId(""), KeyId("key_1")),
            (None, VendorId(""), VendorId("ven_1")),
            (None, KeyId(""), KeyId("key_v1")),
        ),
        1,
    )
)


def places_of(event: AccessEvent) -> set[str]:
    """Return where an event is to be found; a key's place is within its account's."""
    named = {ACCOUNT: event.account_id, VENDOR: event.vendor_id}
    return {place for place, name in named.items() if name} or {UNATTRIBUTED}


async def test_every_event_has_a_place(client: Client, pool: Pool) -> None:
    """With whatever ids an event comes, it is listed and counted where it belongs, and that is somewhere."""
    await Log(pool).file(*EVENTS)
    found: set[int] = set()
    for place, token in PLACES:
        items = (await ask(client, place, {"limit": 100}, token=token))["items"]
        numbers = {number(item["event_id"]) for item in items}
        if place != KEY:
            assert numbers == {event.seq for event in EVENTS if place in places_of(event)}
        counts = (await ask(client, f"{place}/summary", {"bucket": "hour"}, token=token))["items"]
        assert sum(count["requests"] for count in counts) == sum(item["requests"] for item in items)
        found |= numbers
    assert found == {event.seq for event in EVENTS}


async def test_what_names_nobody_is_not_asked_for_by_name(client: Client) -> None:
    """Where no event names a key or a vendor, to ask for one is a 400, and not an answer of nothing."""
    needed: Mapping[str, Query] = {
        "": {},
        "/export": {"format": "csv"},
        "/stream": {},
        "/summary": {"bucket": "day"},
    }
    for (path, query), name in product(needed.items(), ("key_id", "vendor_id")):
        asked = {**query, name: "key_1"}
        body = await ask(client, f"{UNATTRIBUTED}{path}", asked, token="operator", status=400)
        assert [error["pointer"] for error in body["errors"]] == [f"/query/{name}"]
