"""What both kinds of key have in common: the state that others see them in, and the fields."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec.structs import asdict

from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor_key import RevokedVendorKey, VendorKey
from keyfold.domain.secret import OutgoingSecret

Key = SubscriberKey | VendorKey

_HIDDEN: Final = frozenset({"digest", "replaced", "reminders"})
_PUBLIC_NAMES: Final[Mapping[str, str]] = {"issued_at": "created_at", "outgoing": "old_secret_works_until"}


class KeyState(StrEnum):
    """What a key is at an instant. A subscriber key becomes `expired` by itself, without any event."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


def state_at(key: Key, now: datetime) -> KeyState:
    """Return the state of a key at an instant."""
    if isinstance(key, RevokedSubscriberKey | RevokedVendorKey):
        return KeyState.REVOKED
    has_expired = isinstance(key, ActiveSubscriberKey) and key.is_expired(now)
    return KeyState.EXPIRED if has_expired else KeyState.ACTIVE


def public_fields(key: Key) -> dict[str, object]:
    """Return each field that others may see by its public name, as its events left it; never a digest.

    `old_secret_works_until` is when the secret before the last rotation stops, also where that is past.
    """
    return {
        _PUBLIC_NAMES.get(name, name): value.works_until if isinstance(value, OutgoingSecret) else value
        for name, value in asdict(key).items()
        if name not in _HIDDEN
    }
