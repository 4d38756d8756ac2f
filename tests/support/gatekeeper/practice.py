"""A practice with its keys, and two vendors, as lifecycle events with secrets that work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Unpack

from msgspec.structs import replace

from keyfold.domain.ids import KEY_PREFIX, AccountId, VendorId
from keyfold.domain.lifecycle.account import AccountCreated, IntegrationsEnabled
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.subscriber_key import (
    SubscriberKeyCreated,
    SubscriberKeyRevoked,
    SubscriberKeyRotated,
)
from keyfold.domain.lifecycle.vendor import VendorSuspended
from keyfold.domain.lifecycle.vendor_key import VendorKeyIssued, VendorKeyRevoked, VendorKeyRotated
from keyfold.domain.network import parse_network
from keyfold.domain.permissions import Access, Category, Permissions
from keyfold.wire.keys.format import KeyKind, MintedKey, mint
from tests.support.lifecycle_events import KeyTerms, account_id, key_created, vendor_approved, vendor_id

AT: Final = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT, SHUT_ACCOUNT = account_id(1), account_id(2)
VENDOR, OTHER_VENDOR, SUSPENDED_VENDOR = vendor_id(1), vendor_id(2), vendor_id(3)


def mint_key(kind: KeyKind, number: int) -> MintedKey:
    """Return a key whose secret is the same in every run."""
    return mint(kind, f"{number:012}", number.to_bytes(32))


VENDOR_KEY = mint_key(KeyKind.VENDOR, 11)
OTHER_VENDOR_KEY = mint_key(KeyKind.VENDOR, 12)
SUSPENDED_VENDOR_KEY = mint_key(KeyKind.VENDOR, 13)
REVOKED_VENDOR_KEY = mint_key(KeyKind.VENDOR, 14)
UNKNOWN_VENDOR_KEY = mint_key(KeyKind.VENDOR, 15)
REPLACED_VENDOR_KEY = mint_key(KeyKind.VENDOR, 16)
KEY = mint_key(KeyKind.SUBSCRIBER, 21)
REVOKED_KEY = mint_key(KeyKind.SUBSCRIBER, 22)
EXPIRED_KEY = mint_key(KeyKind.SUBSCRIBER, 23)
SHUT_KEY = mint_key(KeyKind.SUBSCRIBER, 24)
NAMED_KEY = mint_key(KeyKind.SUBSCRIBER, 25)
UNKNOWN_KEY = mint_key(KeyKind.SUBSCRIBER, 26)
NETWORKED_KEY = mint_key(KeyKind.SUBSCRIBER, 27)
REPLACED_KEY = mint_key(KeyKind.SUBSCRIBER, 28)
NETWORKS: Final = tuple(map(parse_network, ("203.0.113.0/24", "2001:db8:7::/48")))
BOTH: Final = {"x-api-key": VENDOR_KEY.secret, "A-api-key": KEY.secret}


def vendor_key(key: MintedKey, vendor: VendorId) -> VendorKeyIssued:
    """Return the event that issues a vendor key."""
    return VendorKeyIssued(
        key_id=key.key_id, vendor_id=vendor, digest=key.digest, secret_hint=key.secret_hint, issued_at=AT
    )


def subscriber_key(
    key: MintedKey, account: AccountId = ACCOUNT, **terms: Unpack[KeyTerms]
) -> SubscriberKeyCreated:
    """Return the event that makes a key that may read appointments and write patients."""
    made = key_created(
        1,
        name="Recall Robot",
        permissions=Permissions.of({Category.APPOINTMENT: Access.READ, Category.PATIENT: Access.WRITE}),
        digest=key.digest,
        secret_hint=key.secret_hint,
        created_at=AT,
    )
    return replace(made, key_id=key.key_id, account_id=account, **terms)


def revoked(key: MintedKey = KEY) -> SubscriberKeyRevoked:
    """Return the event that revokes a subscriber key."""
    return SubscriberKeyRevoked(key_id=key.key_id, account_id=ACCOUNT, revoked_at=AT)


def mint_again(kind: KeyKind, key: MintedKey, number: int = 99) -> MintedKey:
    """Return another secret of a key."""
    return mint(kind, key.key_id.removeprefix(KEY_PREFIX), number.to_bytes(32))


def rotated(
    new: MintedKey, *, at: datetime = AT, overlap_ends_at: datetime | None = None
) -> SubscriberKeyRotated:
    """Return a rotation to a new secret; the one before stops at once unless an overlap is named."""
    return SubscriberKeyRotated(
        key_id=new.key_id,
        account_id=ACCOUNT,
        digest=new.digest,
        secret_hint=new.secret_hint,
        rotated_at=at,
        overlap_ends_at=overlap_ends_at,
    )


def vendor_rotated(
    new: MintedKey, *, at: datetime = AT, overlap_ends_at: datetime | None = None
) -> VendorKeyRotated:
    """Return a rotation of a vendor key to a new secret, as `rotated` does."""
    return VendorKeyRotated(
        key_id=new.key_id,
        vendor_id=VENDOR,
        digest=new.digest,
        secret_hint=new.secret_hint,
        rotated_at=at,
        overlap_ends_at=overlap_ends_at,
    )


def practice() -> tuple[LifecycleEvent, ...]:
    """Return a history with a key or a vendor in every state that a reason is about."""
    return (
        AccountCreated(account_id=ACCOUNT, name="Main Street Dental"),
        IntegrationsEnabled(account_id=ACCOUNT),
        AccountCreated(account_id=SHUT_ACCOUNT, name="Side Street Dental"),
        *vendor_approved(1),
        *vendor_approved(2),
        *vendor_approved(3),
        vendor_key(VENDOR_KEY, VENDOR),
        vendor_key(OTHER_VENDOR_KEY, OTHER_VENDOR),
        vendor_key(SUSPENDED_VENDOR_KEY, SUSPENDED_VENDOR),
        vendor_key(REVOKED_VENDOR_KEY, VENDOR),
        VendorKeyRevoked(key_id=REVOKED_VENDOR_KEY.key_id, vendor_id=VENDOR, revoked_at=AT),
        VendorSuspended(vendor_id=SUSPENDED_VENDOR, reason="a leak"),
        subscriber_key(KEY),
        subscriber_key(REVOKED_KEY),
        revoked(REVOKED_KEY),
        subscriber_key(EXPIRED_KEY, expires_at=AT),
        subscriber_key(SHUT_KEY, SHUT_ACCOUNT),
        subscriber_key(NAMED_KEY, vendor_ids=(OTHER_VENDOR,)),
        subscriber_key(NETWORKED_KEY, networks=NETWORKS),
        vendor_key(REPLACED_VENDOR_KEY, VENDOR),
        vendor_rotated(mint_again(KeyKind.VENDOR, REPLACED_VENDOR_KEY)),
        subscriber_key(REPLACED_KEY),
        rotated(mint_again(KeyKind.SUBSCRIBER, REPLACED_KEY)),
    )
