"""What vendors and keys are called today: the log keeps ids alone, and the read model has their names."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from keyfold.domain.access_event import AccessEvent
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.store.connection import Pool
from keyfold.store.errors import translated_serving
from keyfold.store.read_model import SERVING
from keyfold.store.statements import load_statements

_sql = load_statements("names", schema=SERVING)

AccountKey: TypeAlias = tuple[AccountId, KeyId]
"""A subscriber key with the account that it is of: of another account's the name is nobody's business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """Names by ids; what is not here has no name that is known."""

    vendors: Mapping[VendorId, str] = field(default_factory=dict)
    keys: Mapping[AccountKey, str] = field(default_factory=dict)

    def vendor_of(self, event: AccessEvent) -> str | None:
        """Return what the vendor of an event is called."""
        return None if event.vendor_id is None else self.vendors.get(event.vendor_id)

    def key_of(self, event: AccessEvent) -> str | None:
        """Return what the subscriber key of an event is called."""
        key = account_key(event)
        return None if key is None else self.keys.get(key)


def account_key(event: AccessEvent) -> AccountKey | None:
    """Return the subscriber key of an event."""
    if event.account_id is None or event.key_id is None:
        return None
    return event.account_id, event.key_id


async def called(pool: Pool, vendor_ids: Collection[VendorId], keys: Collection[AccountKey]) -> Called:
    """Return what these are called. Raises ReadModelAbsent, DatabaseAway or Misconfigured."""
    asked = {
        "vendor_ids": list(vendor_ids),
        "account_ids": [account_id for account_id, _ in keys],
        "key_ids": [key_id for _, key_id in keys],
    }
    vendors, named = dict[VendorId, str](), dict[AccountKey, str]()
    with translated_serving():
        async for account_id, name_id, name in _sql.called(pool, **asked):
            if account_id is None:
                vendors[VendorId(name_id)] = name
            else:
                named[AccountId(account_id), KeyId(name_id)] = name
    return Called(vendors=vendors, keys=named)
