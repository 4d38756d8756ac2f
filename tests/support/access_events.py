"""Access events to journal, publish and file: each number makes another event, always the same one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypedDict, Unpack
from uuid import UUID

from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, EventId, KeyId, VendorId
from keyfold.domain.permissions import Access, Category
from keyfold.wire.access.codec import access_record, encode_access_event
from keyfold.wire.journal.line import journal_line
from keyfold.wire.record import Record

EPOCH = datetime(2026, 3, 15, 12, tzinfo=UTC)


class Changes(TypedDict, total=False):
    """What a test may want to change."""

    event_id: EventId
    at: datetime
    account_id: AccountId | None
    key_id: KeyId | None
    vendor_id: VendorId | None
    vendor_key_id: KeyId | None
    category: str | None
    access: Access | None
    reason: str | None
    client_ip: str | None
    path: str
    gatekeeper: str
    seq: int
    requests: int
    policy: int | None


def access_event(number: int, **changes: Unpack[Changes]) -> AccessEvent:
    """Return the event of that number, a microsecond after the one before, with these changes."""
    event = AccessEvent(
        event_id=EventId(str(UUID(int=number))),
        at=EPOCH + timedelta(microseconds=number),
        account_id=AccountId("acc_1"),
        key_id=KeyId("key_1"),
        vendor_id=VendorId("ven_1"),
        vendor_key_id=KeyId("key_v1"),
        category=Category.PATIENT,
        access=Access.READ,
        method="GET",
        path=f"/v1/patient/{number}",
        reason=None,
        position=7,
        gateway="caddy",
        client_ip="203.0.113.9",
        gatekeeper="gatekeeper-1",
        seq=number,
        traceparent=None,
    )
    return replace(event, **changes)


def mixed_event(number: int, **changes: Unpack[Changes]) -> AccessEvent:
    """Return one of many events, some of them alike in all that is counted, but for the changes."""
    event = access_event(
        number,
        key_id=None if number % 9 == 0 else KeyId(f"key_{number % 3}"),
        account_id=AccountId(f"acc_{number % 4}") if number % 2 else None,
        vendor_id=[None, VendorId("ven_2"), VendorId("ven_1")][number % 3],
        category=None if number % 11 == 0 else list(Category)[number % 2],
        access=None if number % 11 == 0 else Access.READ,
        reason=None if number % 4 else Reason.READ_ONLY,
        requests=1 if number % 5 else 1000 * number,
    )
    return replace(event, **changes)


def decided(number: int, *, late: timedelta = timedelta(0), **changes: Unpack[Changes]) -> AccessEvent:
    """Return the event of that number, with an id as gatekeepers make it, this long after the decision."""
    event = access_event(number, **changes)
    made_ms = (event.at + late - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    made = f"{made_ms:012x}7000{0x8000000000000000 + number:016x}"
    return replace(event, event_id=EventId(str(UUID(made))))


def unattributed(number: int, **changes: Unpack[Changes]) -> AccessEvent:
    """Return the event of that number as one with unknown keys, with these changes."""
    event = access_event(number, account_id=None, key_id=None, vendor_id=None, vendor_key_id=None)
    return replace(replace(event, reason=Reason.UNKNOWN_VENDOR_KEY), **changes)


def record_of(event: AccessEvent) -> Record:
    """Return the record that a shipper makes of an event."""
    return access_record(encode_access_event(event))


def journal_lines(*events: AccessEvent) -> bytes:
    """Return the journal's lines of these events."""
    return b"".join(journal_line(encode_access_event(event)) for event in events)
