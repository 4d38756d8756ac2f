"""Warnings about a gateway's configuration: one a minute for each fault, with the number kept back."""

from dataclasses import dataclass
from typing import Final

import structlog

from keyfold.runtime.clock import Clock

INTERVAL_S: Final = 60.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Warned:
    at_s: float
    kept_back: int = 0


class GatewayWarnings:
    """Warns of what a gateway lacks. There is a fixed set of such texts, so what it remembers is bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._warned: dict[tuple[str, str], _Warned] = {}

    def warn(self, gateway: str, lacks: str) -> None:
        """Warn that a gateway does not say what the original request was."""
        now_s = self._clock.monotonic_s()
        warned = self._warned.get((gateway, lacks))
        if warned is not None and now_s - warned.at_s < INTERVAL_S:
            warned.kept_back += 1
            return
        self._warned[gateway, lacks] = _Warned(now_s)
        kept_back = warned.kept_back if warned else 0
        log.warning("gateway_misconfigured", gateway=gateway, lacks=lacks, kept_back=kept_back)
