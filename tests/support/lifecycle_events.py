"""Lifecycle events of numbered accounts, vendors and keys, each by a short name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypedDict, Unpack

from msgspec.structs import replace

from keyfold.domain.ids import AccountId, InvitationId, KeyId, LoginId, VendorId
from keyfold.domain.lifecycle.account import AccountCreated
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.identity.invitation import InvitationMade, InvitationUsed, InvitationWithdrawn
from keyfold.domain.lifecycle.identity.login import LoginBound, LoginEnded
from keyfold.domain.lifecycle.signatures.seal_key import SealKeyAdopted
from keyfold.domain.lifecycle.signatures.signed_head import LedgerCheckpointed
from keyfold.domain.lifecycle.subscriber_key import (
    SubscriberKeyCreated,
    SubscriberKeyRevoked,
    SubscriberKeyRotated,
)
from keyfold.domain.lifecycle.vendor import ReviewKind, VendorApplied, VendorApproved, VendorReviewed, Verdict
from keyfold.domain.lifecycle.vendor_key import VendorKeyIssued, VendorKeyRotated
from keyfold.domain.network import Network
from keyfold.domain.permissions import Access, Category, Permissions
from keyfold.domain.rate_limit import RateLimit
from keyfold.wire.keys.invitation_code import login_id_of
from tests.support.seals import NEXT_SIGNER, SIGNER

START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
READS_APPOINTMENTS = Permissions.of({Category.APPOINTMENT: Access.READ})


def account_id(number: int) -> AccountId:
    """Return a test account's id."""
    return AccountId(f"acc_{number:012}")


def vendor_id(number: int) -> VendorId:
    """Return a test vendor's id."""
    return VendorId(f"ven_{number:012}")


def key_id(number: int) -> KeyId:
    """Return a test key's id."""
    return KeyId(f"key_{number:012}")


def account_created(number: int) -> AccountCreated:
    """Return the event that opens an account."""
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
        lapses_at=START + timedelta(days=365),
        warn_at=START + timedelta(days=335),
    )


def vendor_approved(number: int) -> tuple[LifecycleEvent, ...]:
    """Return all events until a vendor is approved."""
    return (
        vendor_applied(number),
        vendor_reviewed(number, ReviewKind.SECURITY),
        vendor_reviewed(number, ReviewKind.COMPLIANCE),
        VendorApproved(vendor_id=vendor_id(number)),
    )


def vendor_key_issued(number: int, vendor: int = 1) -> VendorKeyIssued:
    """Return the event that issues a vendor key."""
    return VendorKeyIssued(
        key_id=key_id(number),
        vendor_id=vendor_id(vendor),
        digest=digest(number),
        secret_hint=f"kfv_test_{number:012}…abcd",
        issued_at=START,
    )


class KeyTerms(TypedDict, total=False):
    """What a test may want to be different of a subscriber key."""

    name: str
    permissions: Permissions
    vendor_ids: tuple[VendorId, ...] | None
    networks: tuple[Network, ...] | None
    rate_limit: RateLimit | None
    expires_at: datetime | None
    digest: bytes
    secret_hint: str
    created_at: datetime


def key_created(number: int, account: int = 1, **terms: Unpack[KeyTerms]) -> SubscriberKeyCreated:
    """Return the making of a subscriber key that may read appointments, but for the terms."""
    event = SubscriberKeyCreated(
        key_id=key_id(number),
        account_id=account_id(account),
        name=f"Key {number}",
        permissions=READS_APPOINTMENTS,
        vendor_ids=None,
        networks=None,
        rate_limit=None,
        expires_at=None,
        reminders=reminders(terms.get("expires_at")),
        digest=digest(number),
        secret_hint=f"kfs_test_{number:012}…abcd",
        created_at=START,
    )
    return replace(event, **terms) if terms else event


def key_revoked(number: int, account: int = 1) -> SubscriberKeyRevoked:
    """Return the event that revokes a subscriber key."""
    return SubscriberKeyRevoked(
        key_id=key_id(number), account_id=account_id(account), revoked_at=START + timedelta(days=1)
    )


def reminders(expires_at: datetime | None) -> tuple[datetime, ...]:
    """Return when the owner of a key made at START is told that it expires: 14 and 3 days before."""
    if expires_at is None:
        return ()
    return tuple(at for days in (14, 3) if (at := expires_at - timedelta(days=days)) > START)


def digest(number: int) -> bytes:
    """Return the digest of a test key's secret."""
    return sha256(f"secret {number}".encode()).digest()


def key_rotated(number: int, *, secret: int, overlap: timedelta | None = None) -> SubscriberKeyRotated:
    """Return the event that rotates a subscriber key of the first account, a day after START."""
    rotated_at = START + timedelta(days=1)
    return SubscriberKeyRotated(
        key_id=key_id(number),
        account_id=account_id(1),
        digest=digest(secret),
        secret_hint=f"kfs_test_{number:012}…{secret:04}",
        rotated_at=rotated_at,
        overlap_ends_at=None if overlap is None else rotated_at + overlap,
    )


def vendor_key_rotated(number: int, *, secret: int, overlap: timedelta | None = None) -> VendorKeyRotated:
    """Return the event that rotates a key of the first vendor, a day after START."""
    rotated_at = START + timedelta(days=1)
    return VendorKeyRotated(
        key_id=key_id(number),
        vendor_id=vendor_id(1),
        digest=digest(secret),
        secret_hint=f"kfv_test_{number:012}…{secret:04}",
        rotated_at=rotated_at,
        overlap_ends_at=None if overlap is None else rotated_at + overlap,
    )


def seal_key_adopted() -> SealKeyAdopted:
    """Return the adoption of another key than the tests'."""
    return SealKeyAdopted(
        public_key=NEXT_SIGNER.public_key,
        previous=SIGNER.public_key,
        proof=NEXT_SIGNER.prove(SIGNER.public_key),
    )


def checkpointed(position: int) -> LedgerCheckpointed:
    """Return a checkpoint of the ledger up to a position, with a signature that proves nothing."""
    return LedgerCheckpointed(
        position=position,
        head_hash=digest(position),
        at=START + timedelta(days=1),
        signing_key_id="0123456789abcdef",
        signature=digest(-position) * 2,
    )


def login_id(number: int) -> LoginId:
    """Return the id of a login that `login_bound` makes."""
    return login_id_of("https://issuer.example", f"anna-{number}")


def invitation_id(number: int) -> InvitationId:
    """Return the id of an invitation."""
    return InvitationId(f"inv_{number:012}")


def invitation_made(
    number: int, *, account: int | None = 1, vendor: int | None = None, life: timedelta = timedelta(days=7)
) -> InvitationMade:
    """Return an invitation to an account, or without one to a vendor."""
    return InvitationMade(
        invitation_id=invitation_id(number),
        account_id=None if account is None else account_id(account),
        vendor_id=None if vendor is None else vendor_id(vendor),
        digest=digest(number),
        made_at=START,
        expires_at=START + life,
    )


def invitation_used(number: int, *, account: int | None = 1, vendor: int | None = None) -> InvitationUsed:
    """Return the event that an invitation let in the login of the same number."""
    return InvitationUsed(
        invitation_id=invitation_id(number),
        account_id=None if account is None else account_id(account),
        vendor_id=None if vendor is None else vendor_id(vendor),
        login_id=login_id(number),
        used_at=START + timedelta(days=1),
    )


def invitation_withdrawn(number: int, account: int = 1) -> InvitationWithdrawn:
    """Return the event that an invitation to an account was withdrawn."""
    return InvitationWithdrawn(
        invitation_id=invitation_id(number),
        account_id=account_id(account),
        vendor_id=None,
        withdrawn_at=START + timedelta(days=1),
    )


def login_bound(
    number: int, *, account: int | None = 1, vendor: int | None = None, invitation: int | None = None
) -> LoginBound:
    """Return the event that a login acts for an account, or without one for a vendor."""
    return LoginBound(
        login_id=login_id(number),
        issuer="https://issuer.example",
        subject=f"anna-{number}",
        account_id=None if account is None else account_id(account),
        vendor_id=None if vendor is None else vendor_id(vendor),
        invitation_id=None if invitation is None else invitation_id(invitation),
        bound_at=START + timedelta(days=1),
    )


def login_ended(number: int, *, account: int | None = 1, vendor: int | None = None) -> LoginEnded:
    """Return the event that a login no longer acts for its account or vendor."""
    return LoginEnded(
        login_id=login_id(number),
        account_id=None if account is None else account_id(account),
        vendor_id=None if vendor is None else vendor_id(vendor),
        ended_at=START + timedelta(days=2),
    )
