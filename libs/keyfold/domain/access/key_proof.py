"""A key as a request presents it, and the proof: whose secret it is, or once was."""

import hmac
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct

from keyfold.domain.ids import KeyId
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import (
    ActiveSubscriberKey,
    ReplacedSubscriberSecret,
    SubscriberKey,
)
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, ReplacedVendorSecret, VendorKey
from keyfold.domain.secret import is_replaced

VendorProof = VendorKey | ReplacedVendorSecret
SubscriberProof = SubscriberKey | ReplacedSubscriberSecret
_Found = TypeVar("_Found", bound=SubscriberKey | VendorKey | None)


class Credential(Struct, frozen=True, gc=False):
    """A well-formed key as presented: the id in it and the SHA-256 digest of all of it, 32 bytes."""

    key_id: KeyId
    digest: bytes


class Malformed(StrEnum):
    """Something in place of a key that is none: a wrong prefix, length, character or checksum."""

    MALFORMED = "malformed"


MALFORMED = Malformed.MALFORMED
Presented = Credential | Malformed | None


def prove_vendor_key(presented: Presented, state: State, now: datetime) -> VendorProof | None:
    """Return the vendor key whose secret was presented; for a replaced secret, return whose it was."""
    key = _prove(presented, state.vendor_key, now)
    if key is not None:
        return key
    known = _find_replaced(presented, state.vendor_key)
    return None if known is None else ReplacedVendorSecret(known.key_id, known.vendor_id)


def prove_subscriber_key(presented: Presented, state: State, now: datetime) -> SubscriberProof | None:
    """Return the subscriber key whose secret was presented; for a replaced secret, return whose it was."""
    key = _prove(presented, state.subscriber_key, now)
    if key is not None:
        return key
    known = _find_replaced(presented, state.subscriber_key)
    return None if known is None else ReplacedSubscriberSecret(known.key_id, known.account_id)


def _prove(presented: Presented, find: Callable[[KeyId], _Found], now: datetime) -> _Found | None:
    """Return the key whose secret was presented: the id finds it, the digest proves it, in constant time."""
    if not isinstance(presented, Credential):
        return None
    key = find(presented.key_id)
    if key is None:
        return None
    if hmac.compare_digest(key.digest, presented.digest):
        return key
    outgoing = key.outgoing if isinstance(key, ActiveSubscriberKey | ActiveVendorKey) else None
    if (
        outgoing is not None
        and hmac.compare_digest(outgoing.digest, presented.digest)
        and outgoing.works(now)
    ):
        return key
    return None


def _find_replaced(presented: Presented, find: Callable[[KeyId], _Found]) -> _Found | None:
    """Return the key that the presented secret once belonged to, before it was replaced."""
    if not isinstance(presented, Credential):
        return None
    key = find(presented.key_id)
    return key if key is not None and is_replaced(presented.digest, key.replaced) else None
