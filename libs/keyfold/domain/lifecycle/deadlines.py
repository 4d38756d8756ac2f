"""What time alone brings about: when a thing falls due, and the one command that records it."""

from datetime import datetime

from msgspec import Struct

from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, VendorKey


class PassTime(Struct, frozen=True, kw_only=True, gc=False):
    """Record what has fallen due by `at` and was not recorded yet, each thing once."""

    at: datetime


def due_at(aggregate: SubscriberKey | VendorKey | Vendor) -> datetime | None:
    """Return when `PassTime` will next find something to record, or None if it never will."""
    match aggregate:
        case ActiveSubscriberKey(outgoing=outgoing, reminders=reminders):
            ends = () if outgoing is None else (outgoing.works_until,)
            return min((*ends, *reminders), default=None)
        case ActiveVendorKey(outgoing=outgoing):
            return None if outgoing is None else outgoing.works_until
        case Vendor():
            lapsing = aggregate.unwarned_lapse()
            return None if lapsing is None else lapsing.warn_at
    return None
