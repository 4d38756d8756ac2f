"""The pages from which a vendor's keys are managed: the vendor's own, and a reviewer's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keyfold.console.web.view import Visit
from keyfold.runtime.auth.caller import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorDesk:
    """The page that has the keys, and whose page it is."""

    path: str
    who: frozenset[Role | None]

    def address(self, visit: Visit) -> str:
        """Return the address of the page."""
        return self.path.format(**visit.path)

    def vendor(self, visit: Visit) -> str:
        """Return the vendor's path at the registry."""
        return f"/v1/vendors/{visit.path['vendor_id']}" if "vendor_id" in visit.path else visit.vendor


VENDORS_OWN: Final = VendorDesk(path="/vendor", who=frozenset({Role.VENDOR}))
REVIEWERS: Final = VendorDesk(path="/reviews/{vendor_id}", who=frozenset({Role.REVIEWER}))
DESKS: Final = (VENDORS_OWN, REVIEWERS)
