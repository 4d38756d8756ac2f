"""The lease: how long decisions may go on without fresh proof that nothing of the ledger was missed."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

_BEATS_MAX: Final = 4096  # an hour of beats, the longest lease there is


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A proof once `head` is applied: everything committed before `began_s` (monotonic) is at or below it."""

    began_s: float
    head: int


class Lease:
    """Runs for `staleness_max_s` after the start of the last beat whose head has been applied.

    With 0 it never ends after the first proof, unless it is forfeited. Times are monotonic seconds.
    While events are `missing`, which says which, nothing is allowed. `unrenewable` says why it will end, if
    PostgreSQL answers but does not renew it.
    """

    def __init__(self, staleness_max_s: float) -> None:
        self._staleness_max_s = staleness_max_s or math.inf
        self._open: deque[Beat] = deque(maxlen=_BEATS_MAX)
        self._is_forfeited = False
        self.missing: str | None = None
        self.unrenewable: str | None = None
        self.proven_s: float | None = None

    @property
    def until_s(self) -> float:
        """When it ends: minus infinity without a lease, infinity if it never ends."""
        if self.proven_s is None or self._is_forfeited or self.missing is not None:
            return -math.inf
        return self.proven_s + self._staleness_max_s

    def is_held(self, now_s: float) -> bool:
        """Tell whether requests may be allowed."""
        return now_s < self.until_s

    def beat(self, beat: Beat, applied_position: int) -> None:
        """Add a beat, which counts once its head is applied."""
        self._open.append(beat)
        self.note_applied(applied_position)

    def note_applied(self, position: int) -> None:
        """Count the beats whose head has now been applied."""
        while self._open and self._open[0].head <= position:
            self.proven_s = self._open.popleft().began_s

    def forfeit(self) -> None:
        """End it for good: something of the ledger was missed, or could not be understood."""
        self._is_forfeited = True
