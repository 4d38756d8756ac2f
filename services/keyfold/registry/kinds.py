"""What a stream holds, told apart by kind: an id may name another kind of thing than the caller thinks."""

from typing import Final, TypeAlias, TypeVar

from keyfold.domain.account import Account
from keyfold.domain.invitation import Invitation
from keyfold.domain.lifecycle import Aggregate
from keyfold.domain.login import BoundLogin, EndedLogin, Login
from keyfold.domain.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, SubscriberKey
from keyfold.domain.vendor import Vendor
from keyfold.domain.vendor_key import ActiveVendorKey, RevokedVendorKey, VendorKey

A = TypeVar("A", bound=Aggregate)
Kind: TypeAlias = tuple[type[A], ...]

ACCOUNT: Final[Kind[Account]] = (Account,)
VENDOR: Final[Kind[Vendor]] = (Vendor,)
SUBSCRIBER_KEY: Final[Kind[SubscriberKey]] = (ActiveSubscriberKey, RevokedSubscriberKey)
VENDOR_KEY: Final[Kind[VendorKey]] = (ActiveVendorKey, RevokedVendorKey)
LOGIN: Final[Kind[Login]] = (BoundLogin, EndedLogin)
INVITATION: Final[Kind[Invitation]] = (Invitation,)


def held(aggregate: Aggregate | None, kind: Kind[A]) -> A | None:
    """Return the aggregate if it is of the kind, else None."""
    return aggregate if isinstance(aggregate, kind) else None
