"""What time alone brings about: when something of a key or a vendor falls due to be recorded."""

from datetime import datetime

from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, VendorKey


def due_at(aggregate: SubscriberKey | VendorKey | Vendor) -> datetime | None:
    """Return when the command that lets time pass will next find something to record; None for never."""
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
