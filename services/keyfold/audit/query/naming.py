"""Naming what the log has ids of: vendors and keys, as they are called today, to whoever may know it."""

from collections.abc import Collection, Iterable

import structlog

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.names import AccountKey, Names, account_key
from keyfold.domain.ids import VendorId
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import DatabaseMisconfigured, ReadModelAbsent
from keyfold.store.read_model.names import called

log = structlog.get_logger(__name__)


class Naming:
    """Says what is called what. Where the read model cannot be read nothing has a name, and all else goes on.

    What a key is called is its owner's own word, and no vendor's to read.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, events: Iterable[AccessEvent], *, with_keys: bool) -> Names:
        """Return what the vendors of events are called, and their keys too. Raises DatabaseAway."""
        vendor_ids, keys = set[VendorId](), set[AccountKey]()
        for event in events:
            vendor_ids |= {event.vendor_id} if event.vendor_id else set()
            if with_keys and (key := account_key(event)):
                keys.add(key)
        return await self(vendor_ids, keys)

    async def __call__(self, vendor_ids: Collection[VendorId], keys: Collection[AccountKey]) -> Names:
        """Return what these are called. Raises DatabaseAway."""
        if not vendor_ids and not keys:
            return Names()
        try:
            return await called(self._pool, vendor_ids, keys)
        except (ReadModelAbsent, DatabaseMisconfigured) as unreadable:
            log.warning("names_unreadable", reason=str(unreadable))
            return Names()
