"""Whether the last 24 hours of the access log are whole, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keyfold.console import words
from keyfold.console.upstream.failures import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How many requests gatekeepers numbered and the log has. Of those `lacking`, `coming` may yet come."""

    items: Sequence[JsonObject]
    expected: int
    filed: int
    lacking: int
    coming: int
    extra: int
    open_runs: int

    @classmethod
    def of(cls, items: Sequence[JsonObject]) -> Completeness:
        """Add up what the audit service says of runs' hours."""
        return cls(
            items=items,
            expected=sum(item["expected"] for item in items),
            filed=sum(item["filed"] for item in items),
            lacking=sum(item["missing"] for item in items),
            coming=sum(item["missing"] for item in items if not item["caught_up"]),
            extra=sum(item["extra"] for item in items),
            open_runs=len({item["gatekeeper"] for item in items if item["unknown_after"] is not None}),
        )

    def sentences(self) -> list[str]:
        """Return it in sentences: first what is known, then what is not."""
        if not self.expected:
            return ["Gatekeepers logged nothing in the last 24 hours, as far as is known."]
        said = [self._count()]
        if self.open_runs:
            runs = words.plural(self.open_runs, "gatekeeper process", "gatekeeper processes")
            said.append(f"Whether {runs} logged more is not known here: they may be running, or have died.")
        return said

    def _count(self) -> str:
        events = words.plural(self.expected, "event")
        if not (self.lacking or self.extra):
            return f"Gatekeepers numbered {events}; each is in the log once."
        late = f" {self.coming:,} of them may yet come." if self.coming else ""
        lacking = f" {self.lacking:,} are not in the log.{late}" if self.lacking else ""
        extra = f" The log has {words.plural(self.extra, 'row')} too many." if self.extra else ""
        return f"Gatekeepers numbered {events}.{lacking}{extra}"
