"""What a stream holds, told apart by kind: an id may name another kind of thing than the caller thinks."""

from typing import Final, TypeAlias, TypeVar

from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.fold import Aggregate
from keyfold.domain.lifecycle.identity.invitation import Invitation
from keyfold.domain.lifecycle.identity.login import BoundLogin, EndedLogin, Login
from keyfold.domain.lifecycle.signed_head import LedgerCheckpoint
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, RevokedVendorKey, VendorKey

A = TypeVar("A", bound=Aggregate)
Kind: TypeAlias = tuple[type[A], ...]

ACCOUNT: Final[Kind[Account]] = (Account,)
VENDOR: Final[Kind[Vendor]] = (Vendor,)
SUBSCRIBER_KEY: Final[Kind[SubscriberKey]] = (ActiveSubscriberKey, RevokedSubscriberKey)
VENDOR_KEY: Final[Kind[VendorKey]] = (ActiveVendorKey, RevokedVendorKey)
LOGIN: Final[Kind[Login]] = (BoundLogin, EndedLogin)
INVITATION: Final[Kind[Invitation]] = (Invitation,)
CHECKPOINT: Final[Kind[LedgerCheckpoint]] = (LedgerCheckpoint,)


def narrow(aggregate: Aggregate | None, kind: Kind[A]) -> A | None:
    """Return the aggregate if it is of the kind, else None."""
    return aggregate if isinstance(aggregate, kind) else None
