"""What vendors and subscriber keys are called today; the access log keeps their ids alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, KeyId, VendorId

AccountKey: TypeAlias = tuple[AccountId, KeyId]
"""A subscriber key with the account that it is of: of another account's the name is nobody's business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
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
