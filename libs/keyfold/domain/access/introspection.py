"""Introspection: what two presented keys may be used for now."""

from datetime import datetime

from msgspec import Struct

from keyfold.domain.access.decision import judge_keys
from keyfold.domain.access.key_proof import Credential, Presented, prove_subscriber_key, prove_vendor_key
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey
from keyfold.domain.permissions import Permissions


class WorkingKeys(Struct, frozen=True, kw_only=True, gc=False):
    """Two keys that work together: whose they are, what they allow, and when the first of them stops.

    `ends_at` is the subscriber key's expiry, or the end of a presented secret that is being replaced if
    earlier.
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
    """Return what the keys allow, or None if every request with them would be denied."""
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
    # The secret is proven already, so a plain comparison tells its holder nothing new.
    is_current = isinstance(presented, Credential) and presented.digest == key.digest
    return None if is_current or key.outgoing is None else key.outgoing.works_until
