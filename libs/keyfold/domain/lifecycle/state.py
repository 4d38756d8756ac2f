"""The state of everything at a position: what a history of lifecycle events folds into."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.aggregates import (
    ACCOUNT,
    KIND_OF_EVENT,
    SUBSCRIBER_KEY,
    VENDOR,
    VENDOR_KEY,
    AggregateKind,
)
from keyfold.domain.lifecycle.fold import Aggregate, LifecycleEvent, evolve
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, RevokedVendorKey, VendorKey

# Made once: every decision asks twice, and a union that is written where it is asked is made anew each time.
_SUBSCRIBER_KEYS = (ActiveSubscriberKey, RevokedSubscriberKey)
_KINDS = (ACCOUNT, VENDOR, SUBSCRIBER_KEY, VENDOR_KEY)


@dataclass(slots=True)
class State:
    """Every account, vendor and key by its id. Folding changes it in place, an event at a time.

    Events of other kinds (of the ledger itself, of logins, of invitations) change nothing here. Where there
    are very many keys, another mapping than a dict may hold them.
    """

    accounts: dict[AccountId, Account] = field(default_factory=dict)
    vendors: dict[VendorId, Vendor] = field(default_factory=dict)
    keys: MutableMapping[KeyId, SubscriberKey | VendorKey] = field(default_factory=dict)

    def fold(self, event: LifecycleEvent) -> Aggregate | None:
        """Apply one event; return what it changed, None if it is of another kind. Raises ImpossibleEvent."""
        kind = KIND_OF_EVENT[type(event)]
        if kind not in _KINDS:
            return None
        aggregate = evolve(self._find(kind, event), event)
        self.put(aggregate)
        return aggregate

    def put(self, aggregate: Aggregate) -> None:
        """Set an aggregate, as when the state is loaded from a snapshot."""
        match aggregate:
            case Account():
                self.accounts[aggregate.account_id] = aggregate
            case Vendor():
                self.vendors[aggregate.vendor_id] = aggregate
            case ActiveSubscriberKey() | RevokedSubscriberKey() | ActiveVendorKey() | RevokedVendorKey():
                self.keys[aggregate.key_id] = aggregate

    def subscriber_key(self, key_id: KeyId) -> SubscriberKey | None:
        """Return the subscriber key with this id, or None, also where the id is a vendor key's."""
        key = self.keys.get(key_id)
        return key if isinstance(key, _SUBSCRIBER_KEYS) else None

    def vendor_key(self, key_id: KeyId) -> VendorKey | None:
        """Return the vendor key with this id, or None, also where the id is a subscriber key's."""
        key = self.keys.get(key_id)
        return None if isinstance(key, _SUBSCRIBER_KEYS) else key

    def _find(self, kind: AggregateKind[Any], event: Any) -> Aggregate | None:
        if kind is ACCOUNT:
            return self.accounts.get(event.account_id)
        if kind is VENDOR:
            return self.vendors.get(event.vendor_id)
        return self.keys.get(event.key_id)
