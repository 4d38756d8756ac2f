"""Access events as a busy host makes them: many keys of many practices, all from today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, EventId, KeyId, VendorId
from keyfold.domain.permissions import Access, Category

ACCOUNTS = 500
KEYS = 1_000
VENDORS = 20


def traffic(first: int, count: int, since: datetime) -> Sequence[AccessEvent]:
    """Return the events of these numbers, a microsecond apart."""
    return [_event(number, since) for number in range(first, first + count)]


def _event(number: int, since: datetime) -> AccessEvent:
    # Built here in one step: a run makes a million of these.
    return AccessEvent(
        event_id=EventId(str(UUID(int=number))),
        at=since + timedelta(microseconds=number),
        account_id=AccountId(f"acc_{number % ACCOUNTS:012}"),
        key_id=KeyId(f"key_{number % KEYS:012}"),
        vendor_id=VendorId(f"ven_{number % VENDORS:012}"),
        vendor_key_id=KeyId(f"key_{KEYS + number % VENDORS:012}"),
        category=Category.PATIENT,
        access=Access.READ,
        method="GET",
        path=f"/v1/patient/{number}",
        reason=None,
        position=7,
        gateway="caddy",
        client_ip="203.0.113.9",
        gatekeeper="0195f000-0000-7000-8000-000000000001",
        seq=number,
        traceparent=None,
    )
