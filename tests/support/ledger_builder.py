"""Valid ledgers without a database: events sealed into rows and put into records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from keyfold.domain.ids import EventId, StreamId
from keyfold.domain.lifecycle.account import IntegrationsDisabled, IntegrationsEnabled
from keyfold.domain.lifecycle.fold import Actor, LifecycleEvent, RecordedEvent, stream_of
from keyfold.domain.lifecycle.subscriber_key import (
    SubscriberKeyExpiryChanged,
    SubscriberKeyExpiryNear,
    SubscriberKeyNetworksChanged,
    SubscriberKeyOverlapEnded,
    SubscriberKeyPermissionsChanged,
    SubscriberKeyRateLimitChanged,
    SubscriberKeyRenamed,
    SubscriberKeyVendorsChanged,
)
from keyfold.domain.lifecycle.vendor import (
    ReviewKind,
    VendorAmended,
    VendorReapplied,
    VendorReinstated,
    VendorRejected,
    VendorReviewsLapseNear,
    VendorSuspended,
)
from keyfold.domain.lifecycle.vendor_key import VendorKeyOverlapEnded, VendorKeyRevoked
from keyfold.domain.network import parse_network
from keyfold.domain.permissions import Access, Category, Permissions
from keyfold.domain.rate_limit import RateLimit
from keyfold.wire.events.chain import GENESIS, Head, Row, hash_row, understand
from keyfold.wire.events.codec import encode_event
from keyfold.wire.events.record import lifecycle_record
from keyfold.wire.events.upcasting import SCHEMA_VERSION
from keyfold.wire.record import Record
from keyfold.wire.timestamp import format_time
from tests.support.lifecycle_events import (
    START,
    account_created,
    account_id,
    checkpointed,
    digest,
    invitation_made,
    invitation_used,
    invitation_withdrawn,
    key_created,
    key_id,
    key_revoked,
    key_rotated,
    login_bound,
    login_ended,
    reminders,
    seal_key_adopted,
    vendor_applied,
    vendor_approved,
    vendor_id,
    vendor_key_issued,
    vendor_key_rotated,
    vendor_reviewed,
)
from tests.support.seals import seal_all

__all__ = [
    "OPERATOR",
    "START",
    "LedgerBuilder",
    "account_created",
    "account_id",
    "checkpointed",
    "digest",
    "key_created",
    "key_id",
    "key_revoked",
    "key_rotated",
    "reminders",
    "story",
    "vendor_applied",
    "vendor_approved",
    "vendor_id",
    "vendor_key_issued",
    "vendor_key_rotated",
    "vendor_reviewed",
]

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
        """Record one more event; return it as recorded."""
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
        """Record an event from its type and JSON data. Raises UnknownEvent after it is recorded."""
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
        self.rows.append((row, hash_row(self.head.hash, row)))
        return understand(*self.rows[-1])

    def records(self, after: int = 0, *, batch: int = 1) -> list[Record]:
        """Return the Kafka records of the events after a position, as if appended so many at a time."""
        sealed = seal_all(self.rows)[after:]
        ends = {*range(batch - 1, len(sealed), batch), len(sealed) - 1}
        return [
            lifecycle_record(*(link if index in ends else link._replace(seal=None)))
            for index, link in enumerate(sealed)
        ]

    def recorded(self, after: int = 0) -> list[RecordedEvent]:
        """Return the events after a position."""
        return [understand(row, row_hash) for row, row_hash in self.rows[after:]]


def story() -> tuple[LifecycleEvent, ...]:
    """Return a history with every kind of event, and every kind of aggregate in every phase."""
    return (*_practices_open(), *_keys_change(), *_vendors_change(), *_people_sign_in())


def _practices_open() -> tuple[LifecycleEvent, ...]:
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
            key_id=key_id(3),
            account_id=account_id(1),
            expires_at=START + timedelta(days=1, microseconds=1),
            reminders=(),
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


def _keys_change() -> tuple[LifecycleEvent, ...]:
    account, key, networked = account_id(1), key_id(1), key_id(6)
    networks = tuple(map(parse_network, ("203.0.113.0/24", "2001:db8::/32")))
    expires_at, overlap = START + timedelta(days=20), timedelta(days=1)
    limit = RateLimit.of(100, 60, 200)
    return (
        SubscriberKeyRenamed(key_id=key, account_id=account, name="Front desk"),
        SubscriberKeyVendorsChanged(key_id=key, account_id=account, vendor_ids=(vendor_id(1), vendor_id(2))),
        key_rotated(1, secret=1001),
        key_created(6, networks=networks, expires_at=expires_at),
        SubscriberKeyNetworksChanged(key_id=networked, account_id=account, networks=networks[1:]),
        SubscriberKeyRateLimitChanged(key_id=networked, account_id=account, rate_limit=limit),
        SubscriberKeyExpiryNear(
            key_id=networked,
            account_id=account,
            expires_at=expires_at,
            reminded_at=expires_at - timedelta(days=14),
        ),
        key_rotated(6, secret=1006, overlap=overlap),
        key_created(7, rate_limit=RateLimit.of(5, 1)),
        key_rotated(7, secret=1007, overlap=overlap),
        SubscriberKeyOverlapEnded(
            key_id=key_id(7), account_id=account, ended_at=START + timedelta(days=1) + overlap
        ),
        IntegrationsDisabled(account_id=account),
        IntegrationsEnabled(account_id=account),
    )


def _vendors_change() -> tuple[LifecycleEvent, ...]:
    vendor, asking, overlap = vendor_id(1), vendor_id(3), timedelta(days=1)
    return (
        VendorAmended(
            vendor_id=vendor,
            name="Vendor 1",
            contact_email="help@vendor1.example",
            website="https://www.vendor1.example",
            intended_use="Appointment reminders",
            categories=(Category.APPOINTMENT, Category.PATIENT),
        ),
        VendorReviewsLapseNear(
            vendor_id=vendor, lapses_at=START + timedelta(days=365), warned_at=START + timedelta(days=335)
        ),
        VendorSuspended(vendor_id=vendor, reason="an unpaid bill"),
        VendorReinstated(vendor_id=vendor),
        vendor_key_rotated(101, secret=1101, overlap=overlap),
        vendor_key_issued(104),
        vendor_key_rotated(104, secret=1104, overlap=overlap),
        VendorKeyOverlapEnded(
            key_id=key_id(104), vendor_id=vendor, ended_at=START + timedelta(days=1) + overlap
        ),
        checkpointed(24),
        seal_key_adopted(),
        VendorRejected(vendor_id=asking, reason="no answer to three letters"),
        VendorReapplied(
            vendor_id=asking,
            name="Vendor Three",
            contact_email="api@vendor3.example",
            website="https://vendor3.example",
            intended_use="Recalls",
            categories=(Category.CONTACT,),
            applicant="victor-3",
        ),
        vendor_reviewed(3, ReviewKind.SECURITY),
    )


def _people_sign_in() -> tuple[LifecycleEvent, ...]:
    return (
        invitation_made(1),
        invitation_used(1),
        login_bound(1, invitation=1),
        invitation_made(2),
        invitation_withdrawn(2),
        invitation_made(3, account=None, vendor=1),
        login_bound(4, account=None, vendor=3),
        login_ended(1),
    )
