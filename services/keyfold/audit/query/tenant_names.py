"""The names of the vendors and keys whose ids are in the log, as of today."""

from collections.abc import Collection, Iterable

import structlog

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.names import AccountKey, Names, account_key
from keyfold.domain.ids import VendorId
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import DatabaseMisconfigured, ReadModelAbsent
from keyfold.store.read_model.names import read_names

log = structlog.get_logger(__name__)


class TenantNames:
    """Looks names up. While the read model cannot be read, nothing has a name, and all else goes on.

    A key's name is given by its owner, and no vendor may read it.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, events: Iterable[AccessEvent], *, with_keys: bool) -> Names:
        """Return the names of the events' vendors and, `with_keys`, of their keys. Raises DatabaseAway."""
        vendor_ids, keys = set[VendorId](), set[AccountKey]()
        for event in events:
            vendor_ids |= {event.vendor_id} if event.vendor_id else set()
            if with_keys and (key := account_key(event)):
                keys.add(key)
        return await self(vendor_ids, keys)

    async def __call__(self, vendor_ids: Collection[VendorId], keys: Collection[AccountKey]) -> Names:
        """Return the names of these vendors and keys. Raises DatabaseAway."""
        if not vendor_ids and not keys:
            return Names()
        try:
            return await read_names(self._pool, vendor_ids, keys)
        except (ReadModelAbsent, DatabaseMisconfigured) as unreadable:
            log.warning("names_unreadable", reason=str(unreadable))
            return Names()
