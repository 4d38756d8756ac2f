"""Against forged requests: a change must come from one of our pages, in this very session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keyfold.console.browser.sealing import Seal
from keyfold.console.browser.session import Session

FIELD: Final = "csrf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """Marks forms, and recognises its own marks."""

    seal: Seal[str]
    origin: str

    def mark(self, session: Session) -> str:
        """Return a mark for a form of this session; it differs each time, so that no length tells it."""
        return self.seal.close(session.session_id)

    def is_marked(self, session: Session, mark: str) -> bool:
        """Tell whether a form has a mark of this session."""
        return self.seal.open(mark) == session.session_id

    def is_foreign(self, headers: Mapping[str, str]) -> bool:
        """Tell whether the browser says that another site's page sent this request."""
        if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return True
        return headers.get("Origin", self.origin) != self.origin
