"""Introspection: what two presented keys are good for now, whatever they may be used for next."""

from datetime import datetime

from msgspec import Struct

from keyfold.domain.access.decision import (
    Credential,
    Presented,
    judge_keys,
    prove_subscriber_key,
    prove_vendor_key,
)
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey
from keyfold.domain.permissions import Permissions


class WorkingKeys(Struct, frozen=True, kw_only=True, gc=False):
    """Two keys that work together: whose they are, what they allow, when the first of them stops by itself.

    `ends_at` is the subscriber key's expiry, or the end of a replaced secret where one was presented.
    """

    account_id: AccountId
    key_id: KeyId
    vendor_id: VendorId
    vendor_key_id: KeyId
    permissions: Permissions
    ends_at: datetime | None


def introspect(
    vendor: Presented, subscriber: Presented, state: State, client_ip: str | None, now: datetime
) -> WorkingKeys | None:
    """Return what the keys are good for, or None where every request with them would be denied."""
    vendor_key = prove_vendor_key(vendor, state, now)
    key = prove_subscriber_key(subscriber, state, now)
    if judge_keys(vendor_key, key, state, client_ip, now) is not None:
        return None
    if not isinstance(vendor_key, ActiveVendorKey) or not isinstance(key, ActiveSubscriberKey):
        raise LookupError("keys that are judged to work are active")
    ends = (key.expires_at, _secret_ends_at(vendor, vendor_key), _secret_ends_at(subscriber, key))
    return WorkingKeys(
        account_id=key.account_id,
        key_id=key.key_id,
        vendor_id=vendor_key.vendor_id,
        vendor_key_id=vendor_key.key_id,
        permissions=key.permissions,
        ends_at=min((each for each in ends if each is not None), default=None),
    )


def _secret_ends_at(presented: Presented, key: ActiveVendorKey | ActiveSubscriberKey) -> datetime | None:
    # The secret is proven already, so that to compare plainly tells nothing to whoever holds it.
    is_current = isinstance(presented, Credential) and presented.digest == key.digest
    return None if is_current or key.outgoing is None else key.outgoing.works_until
