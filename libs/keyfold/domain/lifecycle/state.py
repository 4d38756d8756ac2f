"""The state of everything at a position: what a history of lifecycle events folds into."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.account import Account, AccountEvent
from keyfold.domain.lifecycle.fold import Aggregate, LifecycleEvent, evolve
from keyfold.domain.lifecycle.invitation import Invitation, InvitationEvent
from keyfold.domain.lifecycle.login import BoundLogin, EndedLogin, LoginEvent
from keyfold.domain.lifecycle.signed_head import LedgerCheckpoint, LedgerCheckpointed
from keyfold.domain.lifecycle.subscriber_key import (
    ActiveSubscriberKey,
    RevokedSubscriberKey,
    SubscriberKey,
    SubscriberKeyEvent,
)
from keyfold.domain.lifecycle.vendor import Vendor, VendorEvent
from keyfold.domain.lifecycle.vendor_key import VendorKey, VendorKeyEvent

# Made once: every decision asks twice, and a union that is written where it is asked is made anew each time.
_SUBSCRIBER_KEYS = (ActiveSubscriberKey, RevokedSubscriberKey)
_SigningIn = LoginEvent | InvitationEvent
_Kept = AccountEvent | VendorEvent | VendorKeyEvent | SubscriberKeyEvent | LedgerCheckpointed


@dataclass(slots=True)
class State:
    """Every account, vendor and key by its id. Folding changes it in place, an event at a time.

    A checkpoint speaks of the ledger itself, logins and invitations of who may sign in: they change nothing
    here. Where there are very many keys, another mapping than a dict may hold them.
    """

    accounts: dict[AccountId, Account] = field(default_factory=dict)
    vendors: dict[VendorId, Vendor] = field(default_factory=dict)
    keys: MutableMapping[KeyId, SubscriberKey | VendorKey] = field(default_factory=dict)

    def fold(self, event: LifecycleEvent) -> Aggregate | None:
        """Apply one event; return what it changed, None if it is of signing in. Raises ImpossibleEvent."""
        if isinstance(event, _SigningIn):
            return None
        aggregate = evolve(self._current(event), event)
        self.put(aggregate)
        return aggregate

    def put(self, aggregate: Aggregate) -> None:
        """Set an aggregate, as when the state is loaded from a snapshot."""
        match aggregate:
            case Account():
                self.accounts[aggregate.account_id] = aggregate
            case Vendor():
                self.vendors[aggregate.vendor_id] = aggregate
            case LedgerCheckpoint() | BoundLogin() | EndedLogin() | Invitation():
                pass
            case _:
                self.keys[aggregate.key_id] = aggregate

    def subscriber_key(self, key_id: KeyId) -> SubscriberKey | None:
        """Return the subscriber key with this id, or None, also where the id is a vendor key's."""
        key = self.keys.get(key_id)
        return key if isinstance(key, _SUBSCRIBER_KEYS) else None

    def vendor_key(self, key_id: KeyId) -> VendorKey | None:
        """Return the vendor key with this id, or None, also where the id is a subscriber key's."""
        key = self.keys.get(key_id)
        return None if isinstance(key, _SUBSCRIBER_KEYS) else key

    def _current(self, event: _Kept) -> Aggregate | None:
        if isinstance(event, AccountEvent):
            return self.accounts.get(event.account_id)
        if isinstance(event, VendorEvent):
            return self.vendors.get(event.vendor_id)
        if isinstance(event, LedgerCheckpointed):
            return None
        return self.keys.get(event.key_id)
