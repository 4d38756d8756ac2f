"""A key packed into few bytes, so that a million fit into memory."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Any, Final, NamedTuple

import orjson

from keyfold.domain.ids import KEY_PREFIX, AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, RevokedVendorKey, VendorKey
from keyfold.domain.network import parse_network
from keyfold.domain.permissions import CATEGORIES, NO_PERMISSIONS, Access, Permissions
from keyfold.domain.rate_limit import RateLimit
from keyfold.domain.secret import REPLACED_BYTES, REPLACED_MAX, OutgoingSecret

PACKED_FORMAT: Final = 1
"""The version of what `pack_key` writes. Raise it with every change: stored keys are then packed anew."""

# First what every key has: kind and flags, digest, creation time, permissions. Then, if a flag says so, when
# it stops or stopped; as many replaced secrets as two bits say; and as text the owner's id, the hint (only
# its end, if a flag says so) and the name. Last, if a flag says so, JSON of what few keys have, and its size.
_HEAD: Final = Struct("<B32sqH")
_STOP: Final = Struct("<q")
_SIZE: Final = Struct("<I")
_ACTIVE_SUBSCRIBER, _REVOKED_SUBSCRIBER, _ACTIVE_VENDOR, _REVOKED_VENDOR = range(4)
_KINDS, _HINT_IS_USUAL, _HAS_OPTIONAL, _STOPS = 0b11, 0b100, 0b1000, 0b10000
_REPLACED_SHIFT, _REPLACED_MASK = 5, REPLACED_MAX
_PUBLIC_ID: Final = slice(len(KEY_PREFIX), None)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LEVEL_BITS, _LEVEL_MASK = 2, 0b11
_CATEGORIES_MAX: Final = 16 // _LEVEL_BITS

if len(CATEGORIES) > _CATEGORIES_MAX:
    raise TypeError(f"a packed key has room for {_CATEGORIES_MAX} categories, not for {len(CATEGORIES)}")


def pack_key(key: SubscriberKey | VendorKey) -> bytes:
    """Return all of a key but its id, packed."""
    match key:
        case ActiveSubscriberKey(account_id=owner, name=name, created_at=made_at, expires_at=stops_at):
            flags = _ACTIVE_SUBSCRIBER
        case RevokedSubscriberKey(account_id=owner, name=name, created_at=made_at, revoked_at=stops_at):
            flags = _REVOKED_SUBSCRIBER
        case ActiveVendorKey(vendor_id=owner, issued_at=made_at):
            flags, name, stops_at = _ACTIVE_VENDOR, "", None
        case RevokedVendorKey(vendor_id=owner, issued_at=made_at, revoked_at=stops_at):
            flags, name = _REVOKED_VENDOR, ""
    hint = key.secret_hint
    if hint.startswith(start := _hint_start(flags, key.key_id)):
        flags, hint = flags | _HINT_IS_USUAL, hint[len(start) :]
    permissions = key.permissions if isinstance(key, ActiveSubscriberKey) else NO_PERMISSIONS
    if optional := _pack_optional(key):
        flags |= _HAS_OPTIONAL
    if stops_at is not None:
        flags |= _STOPS
    flags |= len(key.replaced) << _REPLACED_SHIFT
    head = _HEAD.pack(flags, key.digest, _microseconds(made_at), _levels(permissions))
    stop = b"" if stops_at is None else _STOP.pack(_microseconds(stops_at))
    return b"".join((head, stop, *key.replaced, "\0".join((owner, hint, name)).encode(), optional))


def unpack_key(key_id: KeyId, packed: bytes) -> SubscriberKey | VendorKey:
    """Return the key that `pack_key` packed."""
    flags, digest, made_us, levels = _HEAD.unpack_from(packed)
    start, stops_at = _read_stop(packed) if flags & _STOPS else (_HEAD.size, None)
    texts_at = start + (flags >> _REPLACED_SHIFT & _REPLACED_MASK) * REPLACED_BYTES
    replaced = tuple(packed[at : at + REPLACED_BYTES] for at in range(start, texts_at, REPLACED_BYTES))
    end, optional = _unpack_optional(packed) if flags & _HAS_OPTIONAL else (len(packed), _DEFAULTS)
    # Only the name may hold any character, so it comes last.
    owner, hint, name = packed[texts_at:end].decode().split("\0", 2)
    kind = flags & _KINDS
    if flags & _HINT_IS_USUAL:
        hint = _hint_start(kind, key_id) + hint
    if kind == _ACTIVE_SUBSCRIBER:
        return ActiveSubscriberKey(
            key_id=key_id,
            account_id=AccountId(owner),
            name=name,
            permissions=_permissions(levels),
            expires_at=stops_at,
            digest=digest,
            secret_hint=hint,
            created_at=_instant(made_us),
            replaced=replaced,
            **optional,
        )
    if kind == _REVOKED_SUBSCRIBER:
        return RevokedSubscriberKey(
            key_id=key_id,
            account_id=AccountId(owner),
            name=name,
            digest=digest,
            secret_hint=hint,
            created_at=_instant(made_us),
            revoked_at=_require_stop(stops_at),
            replaced=replaced,
        )
    if kind == _ACTIVE_VENDOR:
        return ActiveVendorKey(
            key_id=key_id,
            vendor_id=VendorId(owner),
            digest=digest,
            secret_hint=hint,
            outgoing=optional["outgoing"],
            issued_at=_instant(made_us),
            replaced=replaced,
        )
    return RevokedVendorKey(
        key_id=key_id,
        vendor_id=VendorId(owner),
        digest=digest,
        secret_hint=hint,
        issued_at=_instant(made_us),
        revoked_at=_require_stop(stops_at),
        replaced=replaced,
    )


def _pack_optional(key: SubscriberKey | VendorKey) -> bytes:
    if isinstance(key, RevokedSubscriberKey | RevokedVendorKey):
        return b""
    found = {
        name: field.pack(value)
        for name, field in _OPTIONAL.items()
        if (value := getattr(key, name, field.usual)) != field.usual
    }
    if not found:
        return b""
    json = orjson.dumps(found)
    return json + _SIZE.pack(len(json))


def _unpack_optional(packed: bytes) -> tuple[int, Mapping[str, Any]]:
    end = len(packed) - _SIZE.size
    (size,) = _SIZE.unpack_from(packed, end)
    found = orjson.loads(packed[end - size : end])
    return end - size, {**_DEFAULTS, **{name: _OPTIONAL[name].unpack(value) for name, value in found.items()}}


def _pack_outgoing(outgoing: OutgoingSecret) -> tuple[str, str, int]:
    return outgoing.digest.hex(), outgoing.secret_hint, _microseconds(outgoing.works_until)


def _unpack_outgoing(parts: tuple[str, str, int]) -> OutgoingSecret:
    digest, hint, works_until_us = parts
    return OutgoingSecret(
        digest=bytes.fromhex(digest), secret_hint=hint, works_until=_instant(works_until_us)
    )


def _hint_start(kind: int, key_id: KeyId) -> str:
    return f"{'kfs' if kind < _ACTIVE_VENDOR else 'kfv'}_live_{key_id[_PUBLIC_ID]}…"


def _read_stop(packed: bytes) -> tuple[int, datetime]:
    (stops_us,) = _STOP.unpack_from(packed, _HEAD.size)
    return _HEAD.size + _STOP.size, _instant(stops_us)


def _require_stop(at: datetime | None) -> datetime:
    if at is None:
        raise ValueError("a key that was revoked says when")
    return at


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _instant(us: int) -> datetime:
    return _EPOCH + timedelta(0, 0, us)


# A million keys share a few sets of permissions.
@lru_cache(maxsize=4096)
def _levels(permissions: Permissions) -> int:
    return sum(level << _LEVEL_BITS * place for place, level in enumerate(permissions.levels))


@lru_cache(maxsize=4096)
def _permissions(levels: int) -> Permissions:
    shifts = range(0, _LEVEL_BITS * len(CATEGORIES), _LEVEL_BITS)
    return Permissions(tuple(Access(levels >> shift & _LEVEL_MASK) for shift in shifts))


class _Optional(NamedTuple):
    """A field that few keys have: its value where it is left out, and how another goes to JSON and back."""

    usual: Any
    pack: Callable[[Any], object]
    unpack: Callable[[Any], Any]


_OPTIONAL: Final[Mapping[str, _Optional]] = {
    "vendor_ids": _Optional(None, list, tuple),
    "networks": _Optional(
        None, lambda them: list(map(str, them)), lambda them: tuple(map(parse_network, them))
    ),
    "rate_limit": _Optional(None, str, RateLimit.parse),
    "reminders": _Optional(
        (), lambda them: list(map(_microseconds, them)), lambda them: tuple(map(_instant, them))
    ),
    "outgoing": _Optional(None, _pack_outgoing, _unpack_outgoing),
}
_DEFAULTS: Final[Mapping[str, Any]] = {name: field.usual for name, field in _OPTIONAL.items()}
