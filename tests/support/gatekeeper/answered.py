"""What a gatekeeper answers to a gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer as it arrived."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_last(self) -> bool:
        """Whether it says that no other answer follows on its connection."""
        return self.headers["Connection"] == "close"

    @property
    def reason(self) -> str | None:
        """The reason in its header, None for an allow."""
        return self.headers.get("X-Keyfold-Reason")
