"""The names of vendors and subscriber keys today; the access log keeps only their ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, KeyId, VendorId

AccountKey: TypeAlias = tuple[AccountId, KeyId]
"""A subscriber key with its account, so that the name of another account's key is never shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names by id; an id that is not here has no known name."""

    vendors: Mapping[VendorId, str] = field(default_factory=dict)
    keys: Mapping[AccountKey, str] = field(default_factory=dict)

    def vendor_of(self, event: AccessEvent) -> str | None:
        """Return the name of an event's vendor, if it is known."""
        return None if event.vendor_id is None else self.vendors.get(event.vendor_id)

    def key_of(self, event: AccessEvent) -> str | None:
        """Return the name of an event's subscriber key, if it is known."""
        key = account_key(event)
        return None if key is None else self.keys.get(key)


def account_key(event: AccessEvent) -> AccountKey | None:
    """Return an event's subscriber key with its account, None unless the event has both."""
    if event.account_id is None or event.key_id is None:
        return None
    return event.account_id, event.key_id
