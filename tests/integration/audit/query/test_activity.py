"""Asking who touched what, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from msgspec import structs

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.permissions import Access, Category
from keyfold.runtime.http import JsonBody, encode_cursor
from keyfold.store.access_log.activity import Ask, read_activity
from keyfold.store.access_log.scope import (
    AccountScope,
    Filters,
    KeyScope,
    Scope,
    UnattributedScope,
    VendorScope,
)
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import EPOCH, access_event, unattributed
from tests.support.audit.log import ACCOUNT, KEY, UNATTRIBUTED, VENDOR, Log, ask, belongs, number
from tests.support.runtime.serving import Client

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

OUTSIDE_OF_THE_CALENDAR = (
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
)

# What each filter is to find among events 1 to 8, each of which differs from the others in something.
EVENTS = (
    access_event(1),
    access_event(2, key_id=KeyId("key_2"), category=Category.CLINICAL),
    access_event(3, vendor_id=VendorId("ven_2"), access=Access.WRITE),
    access_event(4, reason=Reason.READ_ONLY, access=Access.WRITE),
    access_event(5, reason=Reason.CATEGORY_DENIED, category=Category.FINANCIAL),
    access_event(6, at=EPOCH - 2 * HOUR),
    access_event(7, account_id=AccountId("acc_2"), key_id=KeyId("key_7")),
    access_event(8, at=EPOCH - DAY, vendor_id=VendorId("ven_2")),
    unattributed(9),
    unattributed(10, at=EPOCH - DAY, category=None, access=None, reason=Reason.MALFORMED_KEY, requests=1204),
)

CHOICES: dict[str, tuple[Any, ...]] = {
    "key_id": (None, KeyId("key_1"), KeyId("key_2")),
    "vendor_id": (None, VendorId("ven_2")),
    "category": (None, Category.PATIENT, Category.CLINICAL),
    "access": (None, Access.READ, Access.WRITE),
    "reason": (None, Reason.READ_ONLY),
    "denied": (None, True, False),
}
SCOPES: tuple[Scope, ...] = (
    AccountScope(account_id=AccountId("acc_1")),
    KeyScope(account_id=AccountId("acc_1"), key_id=KeyId("key_1")),
    VendorScope(vendor_id=VendorId("ven_1")),
    VendorScope(vendor_id=VendorId("ven_2")),
    UnattributedScope(),
)


class ForgedCursor(JsonBody):
    """A cursor that a caller made up, in the right shape."""

    at: str
    event_id: str


def forge_cursor(at: str, event_id: str) -> str:
    """Return a cursor that no page ended with."""
    return encode_cursor(ForgedCursor(at=at, event_id=event_id))


def numbers(body: dict[str, Any]) -> list[int]:
    """Return which events an answer holds."""
    return [number(item["event_id"]) for item in body["items"]]


async def test_an_item_holds_exactly_the_access_events_fields(client: Client, log: Log) -> None:
    """An item is what the gatekeeper recorded, field by field, and nothing more."""
    await log.file(EVENTS[3])
    assert (await ask(client, ACCOUNT)) == {
        "items": [
            {
                "event_id": "00000000-0000-0000-0000-000000000004",
                "at": "2026-03-15T12:00:00.000004Z",
                "account_id": "acc_1",
                "key_id": "key_1",
                "vendor_id": "ven_1",
                "vendor_key_id": "key_v1",
                "category": "patient",
                "access": "write",
                "method": "GET",
                "path": "/v1/patient/4",
                "decision": "deny",
                "reason": "read_only",
                "position": 7,
                "gateway": "caddy",
                "client_ip": "203.0.113.9",
                "requests": 1,
                "vendor_name": None,
                "key_name": None,
            }
        ],
        "next_cursor": None,
    }


@pytest.mark.parametrize(
    ("path", "token", "found"),
    [
        (ACCOUNT, "owner-1", [5, 4, 3, 2, 1, 6, 8]),
        (KEY, "owner-1", [5, 4, 3, 1, 6, 8]),
        (VENDOR, "vendor-1", [7, 5, 4, 2, 1, 6]),
        ("/v1/accounts/acc_1/keys/key_7/activity", "owner-1", []),
        (UNATTRIBUTED, "operator", [9, 10]),
    ],
)
async def test_each_sees_its_own_newest_first(
    client: Client, log: Log, path: str, token: str, found: list[int]
) -> None:
    """An owner sees the account's requests, of all keys or of one; a vendor its own, of all accounts.

    Operators see what names neither.
    """
    await log.file(*EVENTS)
    assert numbers(await ask(client, path, token=token)) == found


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"key_id": "key_2"}, [2]),
        ({"vendor_id": "ven_2"}, [3, 8]),
        ({"category": "clinical"}, [2]),
        ({"access": "write"}, [4, 3]),
        ({"decision": "allow"}, [3, 2, 1, 6, 8]),
        ({"decision": "deny"}, [5, 4]),
        ({"reason": "category_denied"}, [5]),
        ({"since": EPOCH}, [5, 4, 3, 2, 1]),
        ({"until": EPOCH}, [6, 8]),
        ({"since": EPOCH - 3 * HOUR, "until": EPOCH}, [6]),
        ({"since": EVENTS[1].at, "until": EVENTS[3].at}, [3, 2]),
        ({"access": "write", "decision": "deny"}, [4]),
        ({"access": "write", "vendor_id": "ven_2", "since": EPOCH}, [3]),
        ({"decision": "allow", "reason": "read_only"}, []),
        ({"key_id": "key_1", "category": "patient", "access": "read", "decision": "allow"}, [1, 6, 8]),
        ({"key_id": "key_of_another", "category": "patient"}, []),
    ],
)
async def test_every_filter_narrows(
    client: Client, log: Log, filters: dict[str, str | datetime], found: list[int]
) -> None:
    """An event must meet every condition; `since` is included and `until` is not."""
    await log.file(*EVENTS)
    assert numbers(await ask(client, ACCOUNT, filters)) == found


@pytest.mark.parametrize(("path", "token", "found"), [(KEY, "owner-1", [3, 8]), (VENDOR, "vendor-1", [])])
async def test_filters_hold_for_keys_and_vendors_too(
    client: Client, log: Log, path: str, token: str, found: list[int]
) -> None:
    """The same filters narrow one key's and one vendor's activity, and never widen it."""
    await log.file(*EVENTS)
    assert numbers(await ask(client, path, {"vendor_id": "ven_2"}, token=token)) == found


async def test_filters_hold_in_any_combination(log: Log, pool: Pool) -> None:
    """Whatever conditions are set together, and for whomever, exactly the events that meet all are found."""
    await log.file(*EVENTS)
    combinations = list(product(*CHOICES.values()))
    for turn, chosen in enumerate(combinations):
        wanted = dict(zip(CHOICES, chosen, strict=True))
        scope = SCOPES[turn % len(SCOPES)]
        since, until = EPOCH - (turn % 3) * HOUR, EPOCH + HOUR
        asked = Ask(scope=scope, filters=Filters(**wanted), since=since, until=until)
        expected = [
            event
            for event in sorted(EVENTS, key=lambda event: (event.at, event.event_id), reverse=True)
            if since <= event.at < until and _meets(event, wanted) and belongs(event, scope)
        ]
        assert list((await read_activity(pool, asked, events_max=100)).events) == expected


def _meets(event: AccessEvent, wanted: Mapping[str, Any]) -> bool:
    has = {**structs.asdict(event), "denied": event.reason is not None}
    return all(value is None or has[name] == value for name, value in wanted.items())


async def test_pages_follow_each_other_while_rows_arrive(client: Client, log: Log) -> None:
    """Walking through pages shows each event once, whatever is filed meanwhile, and the walk ends."""
    await log.file(*(access_event(number) for number in range(10, 15)))
    seen, cursor = [], None
    for arriving in (100, 200, 300):
        body = await ask(client, ACCOUNT, {"limit": 2, "cursor": cursor})
        seen += numbers(body)
        cursor = body["next_cursor"]
        await log.file(access_event(arriving))
    assert (seen, cursor) == ([14, 13, 12, 11, 10], None)


async def test_pages_tell_events_of_one_moment_apart(client: Client, log: Log) -> None:
    """Where many events have the same time, a page still goes on exactly behind the one before."""
    await log.file(*(access_event(number, at=EPOCH) for number in range(1, 6)))
    first = await ask(client, ACCOUNT, {"limit": 3})
    second = await ask(client, ACCOUNT, {"limit": 3, "cursor": first["next_cursor"]})
    assert numbers(first) + numbers(second) == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        (ACCOUNT, "owner-2", 404),
        (KEY, "owner-2", 404),
        (VENDOR, "vendor-2", 404),
        (VENDOR, "vendor-new", 404),
        (ACCOUNT, "vendor-1", 403),
        (VENDOR, "owner-1", 403),
        (ACCOUNT, "operator", 403),
        (ACCOUNT, "nobody", 401),
        (UNATTRIBUTED, "owner-1", 403),
        (UNATTRIBUTED, "vendor-1", 403),
        (UNATTRIBUTED, "nobody", 401),
    ],
)
async def test_nobody_sees_anothers_activity(
    client: Client, log: Log, path: str, token: str, status: int
) -> None:
    """To another tenant the log does not exist; another role is told that this is not for it."""
    await log.file(*EVENTS)
    body = await ask(client, path, token=token, status=status)
    assert body["status"] == status


@pytest.mark.parametrize(("path", "token"), [(ACCOUNT, "owner-1"), (UNATTRIBUTED, "operator")])
async def test_more_than_ninety_days_back_is_refused(client: Client, log: Log, path: str, token: str) -> None:
    """`since` beyond what is kept is a 400 that says so, and names the parameter."""
    body = await ask(client, path, {"since": EPOCH - 91 * DAY}, token=token, status=400)
    assert "90 days" in body["detail"]
    assert body["errors"] == [{"pointer": "/query/since", "detail": "it is more than 90 days ago"}]


async def test_ninety_days_back_are_exact(client: Client, log: Log) -> None:
    """What is older than 90 days is not shown even while its partition is there; the rest of that day is."""
    bound = EPOCH - 90 * DAY
    await log.file(access_event(1, at=bound - timedelta(microseconds=1)), access_event(2, at=bound))
    assert numbers(await ask(client, ACCOUNT)) == [2]
    assert numbers(await ask(client, ACCOUNT, {"since": bound - timedelta(seconds=30)})) == [2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("category", "dental"),
        ("access", "admin"),
        ("decision", "maybe"),
        ("reason", ""),
        ("reason", "b" * 65),
        ("since", "yesterday"),
        ("until", "2026-03-15T12:00:00"),
        ("since", "1790000000"),
        ("since", "2026-03-15 12:00Z"),
        *((name, at) for name in ("since", "until") for at in OUTSIDE_OF_THE_CALENDAR),
        *(
            ("cursor", forge_cursor(at, "00000000-0000-0000-0000-000000000001"))
            for at in OUTSIDE_OF_THE_CALENDAR
        ),
        ("cursor", forge_cursor("2026-03-15T12:00:00", "00000000-0000-0000-0000-000000000001")),
        *(("cursor", forge_cursor("2026-03-15T12:00:00Z", event_id)) for event_id in ("x", "", "\0")),
        ("limit", "0"),
        ("limit", "101"),
        ("cursor", "forged"),
        ("cursor", forge_cursor("2026-03-15T12:00:00Z", "1 or 1")),
        ("colour", "red"),
    ],
)
async def test_an_unknown_filter_value_is_named(client: Client, name: str, value: str) -> None:
    """A value that a filter cannot have, or a filter that there is not, is a 400 that points at it."""
    body = await ask(client, ACCOUNT, {name: value}, status=400)
    assert [error["pointer"] for error in body["errors"]] == [f"/query/{name}"]
