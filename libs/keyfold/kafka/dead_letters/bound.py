"""How many dead letters a reader may send before the fault must be its own, not the data's."""

from dataclasses import dataclass

from keyfold.runtime.failure import StopProcess

WINDOW_RECORDS = 10_000


class TooManyDeadLetters(StopProcess):
    """So many records are unreadable that this code is wrong, not the data. Stop; dead-letter no more."""

    def __init__(self, *, topic: str, dead: int, seen: int) -> None:
        super().__init__(f"{dead} of the last {seen} records of {topic} could not be understood")


@dataclass(slots=True, kw_only=True)
class DeadLetterBound:
    """Compares dead letters with all records, over about the last `WINDOW_RECORDS`.

    The first `dead_min` in a window pass at any ratio, so that a stray record on a quiet topic stops nothing.
    """

    topic: str
    ratio_max: float = 0.1
    dead_min: int = 20
    _seen: int = 0
    _dead: int = 0

    def note(self, *, seen: int, dead: int) -> None:
        """Count the records of a batch before it is processed. Raises TooManyDeadLetters."""
        self._seen += seen
        self._dead += dead
        if self._dead > max(self.dead_min, self.ratio_max * self._seen):
            raise TooManyDeadLetters(topic=self.topic, dead=self._dead, seen=self._seen)
        if self._seen > WINDOW_RECORDS:
            self._seen, self._dead = self._seen // 2, self._dead // 2
