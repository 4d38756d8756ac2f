"""How many dead letters a reader sends: enough to look into, and no more than the topic can take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LETTERS_MAX: Final = 100
INTERVAL_S: Final = 60.0


@dataclass(slots=True, kw_only=True)
class DeadLetterQuota:
    """Lets `letters_max` dead letters through in every `interval_s` seconds; `now_s` is a monotonic clock."""

    now_s: Callable[[], float]
    letters_max: int = LETTERS_MAX
    interval_s: float = INTERVAL_S
    _left: int = 0
    _until_s: float = float("-inf")

    def take(self, letters: int) -> int:
        """Return how many of so many dead letters may be sent now."""
        if self.now_s() >= self._until_s:
            self._left, self._until_s = self.letters_max, self.now_s() + self.interval_s
        taken = min(letters, self._left)
        self._left -= taken
        return taken
