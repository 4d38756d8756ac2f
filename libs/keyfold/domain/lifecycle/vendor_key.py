"""A vendor key says who is asking: what it is, what happens to it, and the fold."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from keyfold.domain.ids import KeyId, VendorId
from keyfold.domain.refusal import ImpossibleEvent
from keyfold.domain.secret import OutgoingSecret, outgoing, replaced_after


class ActiveVendorKey(Struct, frozen=True, kw_only=True, gc=False):
    """A vendor key that works. `digest` is the SHA-256 of its secret, 32 bytes; `outgoing` the one before.

    `replaced` has the ends of the digests of all secrets before, newest first and as many as are kept.
    """

    key_id: KeyId
    vendor_id: VendorId
    digest: bytes
    secret_hint: str
    outgoing: OutgoingSecret | None
    issued_at: datetime
    replaced: tuple[bytes, ...] = ()


class RevokedVendorKey(Struct, frozen=True, kw_only=True, gc=False):
    """A vendor key that never works again; the digests stay so that its use can be told and attributed."""

    key_id: KeyId
    vendor_id: VendorId
    digest: bytes
    secret_hint: str
    issued_at: datetime
    revoked_at: datetime
    replaced: tuple[bytes, ...] = ()


VendorKey = ActiveVendorKey | RevokedVendorKey


class ReplacedVendorSecret(Struct, frozen=True, gc=False):
    """What a secret stands for that a rotation replaced: the name of the key, and nothing to use."""

    key_id: KeyId
    vendor_id: VendorId


class VendorKeyIssued(Struct, frozen=True, kw_only=True, gc=False):
    """An approved vendor was given a key."""

    key_id: KeyId
    vendor_id: VendorId
    digest: bytes
    secret_hint: str
    issued_at: datetime


class VendorKeyRotated(Struct, frozen=True, kw_only=True, gc=False):
    """The key has a new secret; the one before works until `overlap_ends_at`, or no more if that is None."""

    key_id: KeyId
    vendor_id: VendorId
    digest: bytes
    secret_hint: str
    rotated_at: datetime
    overlap_ends_at: datetime | None


class VendorKeyOverlapEnded(Struct, frozen=True, kw_only=True, gc=False):
    """The secret before the last rotation has stopped working."""

    key_id: KeyId
    vendor_id: VendorId
    ended_at: datetime


class VendorKeyRevoked(Struct, frozen=True, kw_only=True, gc=False):
    """The key stopped for ever."""

    key_id: KeyId
    vendor_id: VendorId
    revoked_at: datetime


VendorKeyEvent = VendorKeyIssued | VendorKeyRotated | VendorKeyOverlapEnded | VendorKeyRevoked


def evolve(key: VendorKey | None, event: VendorKeyEvent) -> VendorKey:
    """Return the key after the event. Raises ImpossibleEvent for one that cannot follow."""
    if key is None and isinstance(event, VendorKeyIssued):
        return _issued(event)
    if not isinstance(key, ActiveVendorKey) or (key.key_id, key.vendor_id) != (event.key_id, event.vendor_id):
        raise ImpossibleEvent(event, key)
    match event:
        case VendorKeyRotated():
            return _rotated(key, event)
        case VendorKeyOverlapEnded():
            return replace(key, outgoing=None)
        case VendorKeyRevoked(revoked_at=revoked_at):
            return _revoked(key, revoked_at)
    raise ImpossibleEvent(event, key)


def _issued(event: VendorKeyIssued) -> ActiveVendorKey:
    return ActiveVendorKey(
        key_id=event.key_id,
        vendor_id=event.vendor_id,
        digest=event.digest,
        secret_hint=event.secret_hint,
        outgoing=None,
        issued_at=event.issued_at,
    )


def _rotated(key: ActiveVendorKey, event: VendorKeyRotated) -> ActiveVendorKey:
    return replace(
        key,
        digest=event.digest,
        secret_hint=event.secret_hint,
        outgoing=outgoing(key.digest, key.secret_hint, event.overlap_ends_at),
        replaced=replaced_after(key.digest, key.replaced),
    )


def _revoked(key: ActiveVendorKey, revoked_at: datetime) -> RevokedVendorKey:
    return RevokedVendorKey(
        key_id=key.key_id,
        vendor_id=key.vendor_id,
        digest=key.digest,
        secret_hint=key.secret_hint,
        issued_at=key.issued_at,
        revoked_at=revoked_at,
        replaced=key.replaced,
    )
