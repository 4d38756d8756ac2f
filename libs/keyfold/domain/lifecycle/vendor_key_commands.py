"""What may be asked of a vendor key, and what comes of it: issued to an approved vendor, rotated, revoked."""

from datetime import datetime, timedelta

from msgspec import Struct

from keyfold.domain.ids import KeyId
from keyfold.domain.lifecycle.deadlines import PassTime
from keyfold.domain.lifecycle.vendor import Vendor, VendorState
from keyfold.domain.lifecycle.vendor_key import (
    ActiveVendorKey,
    RevokedVendorKey,
    VendorKey,
    VendorKeyEvent,
    VendorKeyIssued,
    VendorKeyOverlapEnded,
    VendorKeyRevoked,
    VendorKeyRotated,
)
from keyfold.domain.refusal import Refusal, conflict, not_found
from keyfold.domain.secret import overlap_end


class IssueVendorKey(Struct, frozen=True, kw_only=True, gc=False):
    """Issue a key to the vendor. `digest` is the SHA-256 of the secret, which the domain never sees."""

    key_id: KeyId
    digest: bytes
    secret_hint: str
    issued_at: datetime


class RotateVendorKey(Struct, frozen=True, kw_only=True, gc=False):
    """Put a new secret in the old one's place, which works on for `overlap` beside it."""

    digest: bytes
    secret_hint: str
    rotated_at: datetime
    overlap: timedelta


class RevokeVendorKey(Struct, frozen=True, kw_only=True, gc=False):
    """Stop the key for ever."""

    revoked_at: datetime


VendorKeyCommand = IssueVendorKey | RotateVendorKey | RevokeVendorKey | PassTime


def decide(
    command: VendorKeyCommand, key: VendorKey | None, vendor: Vendor | None
) -> tuple[VendorKeyEvent, ...] | Refusal:
    """Return the events that the command makes of this key, none when nothing would change."""
    if vendor is None:
        return not_found("vendor")
    if key is not None and key.vendor_id != vendor.vendor_id:
        return not_found("vendor key")
    match command, key:
        case IssueVendorKey(), None:
            return _issue(command, vendor)
        case IssueVendorKey(), _:
            return conflict("key-exists", "A key with this id exists already.")
        case RotateVendorKey(), ActiveVendorKey():
            return _rotate(command, key, vendor)
        case RotateVendorKey(), RevokedVendorKey():
            return conflict("key-revoked", "The key is revoked, for ever: it cannot be rotated.")
        case RevokeVendorKey(revoked_at=revoked_at), ActiveVendorKey(key_id=key_id):
            return (VendorKeyRevoked(key_id=key_id, vendor_id=vendor.vendor_id, revoked_at=revoked_at),)
        case PassTime(at=at), ActiveVendorKey():
            return _due(at, key)
        case RevokeVendorKey() | PassTime(), RevokedVendorKey():
            return ()
    return not_found("vendor key")


def _issue(command: IssueVendorKey, vendor: Vendor) -> tuple[VendorKeyEvent, ...] | Refusal:
    if refusal := _unless_approved(vendor):
        return refusal
    return (
        VendorKeyIssued(
            key_id=command.key_id,
            vendor_id=vendor.vendor_id,
            digest=command.digest,
            secret_hint=command.secret_hint,
            issued_at=command.issued_at,
        ),
    )


def _rotate(
    command: RotateVendorKey, key: ActiveVendorKey, vendor: Vendor
) -> tuple[VendorKeyEvent, ...] | Refusal:
    if refusal := _unless_approved(vendor):
        return refusal
    return (
        VendorKeyRotated(
            key_id=key.key_id,
            vendor_id=key.vendor_id,
            digest=command.digest,
            secret_hint=command.secret_hint,
            rotated_at=command.rotated_at,
            overlap_ends_at=overlap_end(command.rotated_at, command.overlap),
        ),
    )


def _unless_approved(vendor: Vendor) -> Refusal | None:
    if vendor.state is VendorState.APPROVED:
        return None
    return conflict(
        "vendor-not-approved", f"The vendor is {vendor.state}; only an approved one gets secrets."
    )


def _due(at: datetime, key: ActiveVendorKey) -> tuple[VendorKeyEvent, ...]:
    if key.outgoing is None or key.outgoing.works(at):
        return ()
    ended_at = key.outgoing.works_until
    return (VendorKeyOverlapEnded(key_id=key.key_id, vendor_id=key.vendor_id, ended_at=ended_at),)
