"""From where a vendor's keys are looked after: by the vendor itself, and by a reviewer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keyfold.console.web.view import Visit
from keyfold.runtime.auth.caller import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorDesk:
    """The page that the keys stand on, and who works there."""

    path: str
    who: frozenset[Role | None]

    def address(self, visit: Visit) -> str:
        """Return the address of the page."""
        return self.path.format(**visit.path)

    def vendor(self, visit: Visit) -> str:
        """Return where the registry has the vendor."""
        return f"/v1/vendors/{visit.path['vendor_id']}" if "vendor_id" in visit.path else visit.vendor


VENDORS_OWN: Final = VendorDesk(path="/vendor", who=frozenset({Role.VENDOR}))
REVIEWERS: Final = VendorDesk(path="/reviews/{vendor_id}", who=frozenset({Role.REVIEWER}))
DESKS: Final = (VENDORS_OWN, REVIEWERS)
