"""A vendor key says who is asking: issued to an approved vendor, and good until it is revoked."""

from dataclasses import dataclass
from datetime import datetime

from libs.domain.ids import KeyId, VendorId
from libs.domain.refusal import ImpossibleEvent, Refusal, conflict, not_found
from libs.domain.vendor import Vendor, VendorState


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveVendorKey:
    """A vendor key that works. `digest` is the SHA-256 of its secret, 32 bytes."""

    key_id: KeyId
    vendor_id: VendorId
    digest: bytes
    secret_hint: str
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedVendorKey:
    """A vendor key that never works again; the digest stays so that its use can be told and attributed."""

    key_id: KeyId
    vendor_id: VendorId
    digest: bytes
    secret_hint: str
    issued_at: datetime
    revoked_at: datetime


VendorKey = ActiveVendorKey | RevokedVendorKey


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueVendorKey:
    """Issue a key to the vendor. `digest` is the SHA-256 of the secret, which the domain never sees."""

    key_id: KeyId
    digest: bytes
    secret_hint: str
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeVendorKey:
    """Stop the key for ever."""

    revoked_at: datetime


VendorKeyCommand = IssueVendorKey | RevokeVendorKey


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorKeyIssued:
    """An approved vendor was given a key."""

    key_id: KeyId
    vendor_id: VendorId
    digest: bytes
    secret_hint: str
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorKeyRevoked:
    """The key stopped for ever."""

    key_id: KeyId
    vendor_id: VendorId
    revoked_at: datetime


VendorKeyEvent = VendorKeyIssued | VendorKeyRevoked


def decide(
    command: VendorKeyCommand, key: VendorKey | None, vendor: Vendor | None
) -> tuple[VendorKeyEvent, ...] | Refusal:
    """Return the events that the command makes of this key, none when nothing would change."""
    if vendor is None:
        return not_found("vendor")
    match command, key:
        case IssueVendorKey(), None:
            return _issue(command, vendor)
        case IssueVendorKey(), _:
            return conflict("key-exists", "A key with this id exists already.")
        case RevokeVendorKey(revoked_at=revoked_at), ActiveVendorKey(
            key_id=key_id, vendor_id=vendor.vendor_id
        ):
            return (VendorKeyRevoked(key_id=key_id, vendor_id=vendor.vendor_id, revoked_at=revoked_at),)
        case RevokeVendorKey(), RevokedVendorKey(vendor_id=vendor.vendor_id):
            return ()
    return not_found("vendor key")


def _issue(command: IssueVendorKey, vendor: Vendor) -> tuple[VendorKeyEvent, ...] | Refusal:
    if vendor.state is not VendorState.APPROVED:
        return conflict(
            "vendor-not-approved", f"The vendor is {vendor.state}; only an approved one gets keys."
        )
    return (
        VendorKeyIssued(
            key_id=command.key_id,
            vendor_id=vendor.vendor_id,
            digest=command.digest,
            secret_hint=command.secret_hint,
            issued_at=command.issued_at,
        ),
    )


def evolve(key: VendorKey | None, event: VendorKeyEvent) -> VendorKey:
    """Return the key after the event. Raises ImpossibleEvent for one that cannot follow."""
    if key is not None and (key.key_id, key.vendor_id) != (event.key_id, event.vendor_id):
        raise ImpossibleEvent(event, key)
    match event, key:
        case VendorKeyIssued(), None:
            return ActiveVendorKey(
                key_id=event.key_id,
                vendor_id=event.vendor_id,
                digest=event.digest,
                secret_hint=event.secret_hint,
                issued_at=event.issued_at,
            )
        case VendorKeyRevoked(), ActiveVendorKey():
            return RevokedVendorKey(
                key_id=key.key_id,
                vendor_id=key.vendor_id,
                digest=key.digest,
                secret_hint=key.secret_hint,
                issued_at=key.issued_at,
                revoked_at=event.revoked_at,
            )
    raise ImpossibleEvent(event, key)
