"""Valid ledgers out of thin air: events sealed into rows and put into records, without a database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from libs.domain.account import AccountCreated, IntegrationsEnabled
from libs.domain.ids import AccountId, EventId, KeyId, StreamId, VendorId
from libs.domain.lifecycle import Actor, LifecycleEvent, RecordedEvent, stream_of
from libs.domain.permissions import Access, Category, Permissions
from libs.domain.subscriber_key import (
    SubscriberKeyCreated,
    SubscriberKeyExpiryChanged,
    SubscriberKeyPermissionsChanged,
    SubscriberKeyRevoked,
)
from libs.domain.vendor import (
    ReviewKind,
    VendorApplied,
    VendorApproved,
    VendorReviewed,
    VendorSuspended,
    Verdict,
)
from libs.domain.vendor_key import VendorKeyIssued, VendorKeyRevoked
from libs.wire.chain import GENESIS, Head, Row, seal, understand
from libs.wire.event_codec import SCHEMA_VERSION, encode_event
from libs.wire.lifecycle_record import lifecycle_record
from libs.wire.record import Record
from libs.wire.timestamp import format_time

START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
OPERATOR = Actor(role="operator", subject="olivia")


class LedgerBuilder:
    """A ledger that grows by `add`; event n happens n seconds after START."""

    def __init__(self, events: Iterable[LifecycleEvent] = ()) -> None:
        self.rows: list[tuple[Row, bytes]] = []
        self._versions: dict[StreamId, int] = {}
        for event in events:
            self.add(event)

    @property
    def head(self) -> Head:
        """The last position and its hash."""
        if not self.rows:
            return GENESIS
        row, row_hash = self.rows[-1]
        return Head(position=row.position, hash=row_hash)

    def add(self, event: LifecycleEvent, *, actor: Actor = OPERATOR) -> RecordedEvent:
        """Record one more event and return it as recorded."""
        name, data = encode_event(event)
        return self.add_raw(name, data, stream=stream_of(event), actor=actor)

    def add_raw(
        self,
        name: str,
        data: str,
        *,
        stream: StreamId,
        schema_version: int = SCHEMA_VERSION,
        actor: Actor = OPERATOR,
    ) -> RecordedEvent:
        """Record what the event's type and JSON data say. Raises UnknownEvent after it is recorded."""
        position = len(self.rows) + 1
        self._versions[stream] = self._versions.get(stream, 0) + 1
        row = Row(
            position=position,
            stream=stream,
            version=self._versions[stream],
            event_id=EventId(f"0195f000-0000-7000-8000-{position:012x}"),
            type=name,
            schema_version=schema_version,
            data=data,
            actor_role=actor.role,
            actor_subject=actor.subject,
            request_id=f"request-{position}",
            recorded_at=format_time(START + timedelta(seconds=position)),
            traceparent=None,
        )
        self.rows.append((row, seal(self.head.hash, row)))
        return understand(*self.rows[-1])

    def records(self, after: int = 0) -> list[Record]:
        """Return the Kafka records of the events after a position, as the relay publishes them."""
        return [lifecycle_record(row, row_hash) for row, row_hash in self.rows[after:]]

    def recorded(self, after: int = 0) -> list[RecordedEvent]:
        """Return the events after a position."""
        return [understand(row, row_hash) for row, row_hash in self.rows[after:]]


def account_id(number: int) -> AccountId:
    """Name a test account."""
    return AccountId(f"acc_{number:012}")


def vendor_id(number: int) -> VendorId:
    """Name a test vendor."""
    return VendorId(f"ven_{number:012}")


def key_id(number: int) -> KeyId:
    """Name a test key."""
    return KeyId(f"key_{number:012}")


def account_created(number: int) -> AccountCreated:
    """Return the opening of an account."""
    return AccountCreated(account_id=account_id(number), name=f"Bäckerei „Zahn“ {number}")


def vendor_applied(number: int) -> VendorApplied:
    """Return a vendor's application."""
    return VendorApplied(
        vendor_id=vendor_id(number),
        name=f"Vendor {number}",
        contact_email=f"api@vendor{number}.example",
        website=f"https://vendor{number}.example",
        intended_use="Appointment reminders",
        categories=(Category.APPOINTMENT, Category.PATIENT),
        applicant=f"victor-{number}",
    )


def vendor_reviewed(number: int, kind: ReviewKind) -> VendorReviewed:
    """Return a passed review."""
    return VendorReviewed(
        vendor_id=vendor_id(number),
        kind=kind,
        verdict=Verdict.PASS,
        notes="fine",
        reviewer="rita",
        reviewed_at=START,
    )


def vendor_approved(number: int) -> tuple[LifecycleEvent, ...]:
    """Return all that happens until a vendor is approved."""
    return (
        vendor_applied(number),
        vendor_reviewed(number, ReviewKind.SECURITY),
        vendor_reviewed(number, ReviewKind.COMPLIANCE),
        VendorApproved(vendor_id=vendor_id(number)),
    )


def vendor_key_issued(number: int, vendor: int = 1) -> VendorKeyIssued:
    """Return the issue of a vendor key."""
    return VendorKeyIssued(
        key_id=key_id(number),
        vendor_id=vendor_id(vendor),
        digest=digest(number),
        secret_hint=f"kfv_test_{number:012}…abcd",
        issued_at=START,
    )


def key_created(
    number: int,
    account: int = 1,
    *,
    vendor_ids: tuple[VendorId, ...] | None = None,
    expires_at: datetime | None = None,
) -> SubscriberKeyCreated:
    """Return the making of a subscriber key that may read appointments."""
    return SubscriberKeyCreated(
        key_id=key_id(number),
        account_id=account_id(account),
        name=f"Key {number}",
        permissions=Permissions.of({Category.APPOINTMENT: Access.READ}),
        vendor_ids=vendor_ids,
        expires_at=expires_at,
        digest=digest(number),
        secret_hint=f"kfs_test_{number:012}…abcd",
        created_at=START,
    )


def key_revoked(number: int, account: int = 1) -> SubscriberKeyRevoked:
    """Return the end of a subscriber key."""
    return SubscriberKeyRevoked(
        key_id=key_id(number), account_id=account_id(account), revoked_at=START + timedelta(days=1)
    )


def digest(number: int) -> bytes:
    """Return the digest of a test key's secret."""
    return sha256(f"secret {number}".encode()).digest()


def story() -> tuple[LifecycleEvent, ...]:
    """Return a history with every kind of aggregate in every phase."""
    writing = Permissions.of({Category.CLINICAL: Access.WRITE, Category.SYSTEM: Access.READ})
    return (
        account_created(1),
        *vendor_approved(1),
        vendor_key_issued(101),
        IntegrationsEnabled(account_id=account_id(1)),
        key_created(1),
        key_created(2, vendor_ids=(vendor_id(1),), expires_at=START + timedelta(days=30)),
        key_created(3, vendor_ids=()),
        SubscriberKeyPermissionsChanged(key_id=key_id(1), account_id=account_id(1), permissions=writing),
        SubscriberKeyExpiryChanged(
            key_id=key_id(3), account_id=account_id(1), expires_at=START + timedelta(days=1, microseconds=1)
        ),
        key_revoked(2),
        account_created(2),
        key_created(4, account=2),
        *vendor_approved(2),
        vendor_key_issued(102, vendor=2),
        VendorKeyRevoked(key_id=key_id(102), vendor_id=vendor_id(2), revoked_at=START + timedelta(days=2)),
        VendorSuspended(vendor_id=vendor_id(2), reason="a leak"),
        vendor_applied(3),
    )
