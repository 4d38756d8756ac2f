"""A row of the ledger and an access event, as plain values to begin a test with."""

from datetime import UTC, datetime

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, EventId, KeyId, VendorId
from keyfold.domain.permissions import Access, Category
from keyfold.wire.events.chain import GENESIS, Head, Row, hash_row
from keyfold.wire.keys.format import KeyKind, mint
from keyfold.wire.record import Received, Record

SECRET = mint(KeyKind.SUBSCRIBER, "0123456789AB", bytes(range(32))).secret
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"
EVENT_ID = EventId("0190163d-8694-739b-aea5-966c26f8ad91")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def row_at(position: int, *, traceparent: str | None = TRACEPARENT) -> Row:
    """Return the row of one account's creation at a position."""
    return Row(
        position=position,
        stream=f"account-acc_{position}",
        version=1,
        event_id=EVENT_ID[:-1] + str(position % 10),
        type="keyfold.account.created",
        schema_version=1,  # as when the first seal was computed, which never changes
        data=f'{{"account_id":"acc_{position}","name":"Zahnärzte {position}"}}',
        actor_role="operator",
        actor_subject="olga",
        request_id="req-1",
        recorded_at="2026-03-01T09:30:00.000001Z",
        traceparent=traceparent,
    )


def ledger(length: int) -> list[tuple[Row, bytes]]:
    """Return the first rows of a ledger, each with its hash."""
    head, rows = GENESIS, []
    for position in range(1, length + 1):
        row = row_at(position)
        head = Head(position=position, hash=hash_row(head.hash, row))
        rows.append((row, head.hash))
    return rows


DENIED = AccessEvent(
    event_id=EVENT_ID,
    at=datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC),
    account_id=AccountId("acc_1"),
    key_id=KeyId("key_s"),
    vendor_id=VendorId("ven_1"),
    vendor_key_id=KeyId("key_v"),
    category=Category.PATIENT,
    access=Access.WRITE,
    method="PUT",
    path="/v1/patient/7",
    reason=Reason.READ_ONLY,
    position=41,
    gateway="caddy",
    client_ip="203.0.113.7",
    gatekeeper="host-1/0190163d",
    seq=9,
    traceparent=TRACEPARENT,
)


def receive(record: Record) -> Received:
    """Return a record as the broker returns it."""
    return Received(
        topic="t",
        partition=0,
        offset=0,
        key=record.key,
        value=record.value,
        headers=record.headers,
        timestamp_ms=record.timestamp_ms,
    )
