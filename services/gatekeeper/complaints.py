"""Warnings about a gateway's configuration: one a minute for each fault, with a count of those kept back."""

from dataclasses import dataclass
from typing import Final

import structlog

from libs.runtime.clock import Clock

INTERVAL_S: Final = 60.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Said:
    at_s: float
    kept_back: int = 0


class Complaints:
    """Says what a gateway lacks, in one of a fixed set of sentences: what it remembers is bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[tuple[str, str], _Said] = {}

    def ambiguous(self, gateway: str, lacks: str) -> None:
        """Warn that the gateway does not tell what the original request was."""
        now_s = self._clock.monotonic_s()
        said = self._said.get((gateway, lacks))
        if said is not None and now_s - said.at_s < INTERVAL_S:
            said.kept_back += 1
            return
        self._said[gateway, lacks] = _Said(now_s)
        kept_back = said.kept_back if said else 0
        log.warning("gateway_misconfigured", gateway=gateway, lacks=lacks, kept_back=kept_back)
