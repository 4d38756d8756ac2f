"""What may be asked of a vendor key, and what comes of it: issued to an approved vendor, rotated, revoked."""

from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec import Struct

from keyfold.domain.ids import KeyId, VendorId
from keyfold.domain.lifecycle.vendor import Vendor, VendorState
from keyfold.domain.lifecycle.vendor_judgement import refuse_own
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

    vendor_id: VendorId
    reviewer: str
    key_id: KeyId
    digest: bytes
    secret_hint: str


class RotateVendorKey(Struct, frozen=True, kw_only=True, gc=False):
    """Replace the key's secret; the old one goes on working for `overlap`."""

    vendor_id: VendorId
    key_id: KeyId
    digest: bytes
    secret_hint: str
    overlap: timedelta


class RevokeVendorKey(Struct, frozen=True, kw_only=True, gc=False):
    """Stop the key for ever."""

    vendor_id: VendorId
    key_id: KeyId


class PassVendorKeyTime(Struct, frozen=True, kw_only=True, gc=False):
    """Record what has fallen due for the key and was not recorded yet, each thing once."""

    vendor_id: VendorId
    key_id: KeyId


VendorKeyCommand = IssueVendorKey | RotateVendorKey | RevokeVendorKey | PassVendorKeyTime


def decide(
    command: VendorKeyCommand,
    key: VendorKey | None,
    vendor: Vendor | None,
    now: datetime,
    *,
    speakers: Collection[str] = (),
) -> tuple[VendorKeyEvent, ...] | Refusal:
    """Return the events that the command makes of this key, none when nothing would change.

    `speakers` are the subjects, of those that the command names, that have ever spoken for the vendor.
    """
    if vendor is None:
        return not_found("vendor")
    if key is not None and key.vendor_id != vendor.vendor_id:
        return not_found("vendor key")
    match command, key:
        case IssueVendorKey(), None:
            return _issue(command, vendor, now, speakers)
        case IssueVendorKey(), _:
            return conflict("key-exists", "A key with this id exists already.")
        case RotateVendorKey(), ActiveVendorKey():
            return _rotate(command, key, vendor, now)
        case RotateVendorKey(), RevokedVendorKey():
            return conflict("key-revoked", "The key is revoked, for ever: it cannot be rotated.")
        case RevokeVendorKey(), ActiveVendorKey():
            return (VendorKeyRevoked(key_id=key.key_id, vendor_id=vendor.vendor_id, revoked_at=now),)
        case PassVendorKeyTime(), ActiveVendorKey():
            return _find_due(key, now)
        case RevokeVendorKey() | PassVendorKeyTime(), RevokedVendorKey():
            return ()
    return not_found("vendor key")


def _issue(
    command: IssueVendorKey, vendor: Vendor, now: datetime, speakers: Collection[str]
) -> tuple[VendorKeyEvent, ...] | Refusal:
    if refusal := refuse_own(command.reviewer, vendor, speakers) or _refuse_unapproved(vendor):
        return refusal
    return (
        VendorKeyIssued(
            key_id=command.key_id,
            vendor_id=vendor.vendor_id,
            digest=command.digest,
            secret_hint=command.secret_hint,
            issued_at=now,
        ),
    )


def _rotate(
    command: RotateVendorKey, key: ActiveVendorKey, vendor: Vendor, now: datetime
) -> tuple[VendorKeyEvent, ...] | Refusal:
    if refusal := _refuse_unapproved(vendor):
        return refusal
    return (
        VendorKeyRotated(
            key_id=key.key_id,
            vendor_id=key.vendor_id,
            digest=command.digest,
            secret_hint=command.secret_hint,
            rotated_at=now,
            overlap_ends_at=overlap_end(now, command.overlap),
        ),
    )


def _refuse_unapproved(vendor: Vendor) -> Refusal | None:
    if vendor.state is VendorState.APPROVED:
        return None
    return conflict(
        "vendor-not-approved", f"The vendor is {vendor.state}; only an approved one gets secrets."
    )


def _find_due(key: ActiveVendorKey, now: datetime) -> tuple[VendorKeyEvent, ...]:
    if key.outgoing is None or key.outgoing.works(now):
        return ()
    ended_at = key.outgoing.works_until
    return (VendorKeyOverlapEnded(key_id=key.key_id, vendor_id=key.vendor_id, ended_at=ended_at),)
