"""Whose activity a page shows: the three pages that show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from keyfold.console.web.view import Visit
from keyfold.runtime.auth.caller import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityView:
    """A page of activity: its address, whose page it is, and its path at the audit service."""

    path: str
    heading: str
    who: frozenset[Role | None]
    at_audit: Callable[[Visit], str]
    columns: Sequence[str]

    def address(self, visit: Visit) -> str:
        """Return the page's address for a visit's subject."""
        return self.path.format(**visit.path)

    @property
    def is_vendors(self) -> bool:
        """Whether it is a vendor's own page."""
        return Role.VENDOR in self.who


ACCOUNT: Final = ActivityView(
    path="/settings/integrations/api/activity",
    heading="Activity",
    who=frozenset({Role.OWNER}),
    at_audit=lambda visit: f"{visit.account}/activity",
    columns=("integration", "key"),
)
KEY: Final = ActivityView(
    path="/settings/integrations/api/keys/{key_id}/activity",
    heading="Activity",
    who=frozenset({Role.OWNER}),
    at_audit=lambda visit: f"{visit.account}/keys/{visit.path['key_id']}/activity",
    columns=("integration",),
)
VENDOR: Final = ActivityView(
    path="/vendor/activity",
    heading="Your requests",
    who=frozenset({Role.VENDOR}),
    at_audit=lambda visit: f"{visit.vendor}/activity",
    columns=("practice",),
)
PLACES: Final = (ACCOUNT, KEY, VENDOR)
