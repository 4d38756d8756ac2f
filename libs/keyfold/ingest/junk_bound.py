"""How much junk is kept whole: the first of each minute; the rest is counted, with its offsets."""

from collections.abc import Sequence
from typing import Final

import structlog

from keyfold.ingest.port import SetAside
from keyfold.runtime.clock import Clock

MINUTE_S: Final = 60.0

log = structlog.get_logger(__name__)


class JunkBound:
    """Lets so many records, and so many bytes, of what cannot be understood be kept whole in each minute.

    Whoever can write to a topic can write any amount of junk. It must neither stop the reader nor fill the
    dead letters, so that what is there already can still be found.
    """

    def __init__(self, clock: Clock, *, records_max: int = 100, bytes_max: int = 4 * 1024 * 1024) -> None:
        self._clock = clock
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._until_s = 0.0
        self._records = 0
        self._bytes = 0

    def choose(self, set_aside: Sequence[SetAside]) -> Sequence[SetAside]:
        """Return those that are to be kept whole; log the others as ranges of offsets."""
        kept: list[SetAside] = []
        left_out: dict[int, tuple[int, int, int]] = {}
        for each in set_aside:
            if not each.is_damage or self._take(len(each.received.value or b"")):
                kept.append(each)
                continue
            offset = each.received.offset
            first, _, count = left_out.get(each.received.partition, (offset, offset, 0))
            left_out[each.received.partition] = first, offset, count + 1
        for partition, (first, last, count) in left_out.items():
            log.error("junk_not_kept", partition=partition, first=first, last=last, records=count)
        return kept

    def _take(self, size_bytes: int) -> bool:
        if (now_s := self._clock.monotonic_s()) >= self._until_s:
            self._until_s, self._records, self._bytes = now_s + MINUTE_S, 0, 0
        if self._records >= self._records_max or self._bytes + size_bytes > self._bytes_max:
            return False
        self._records += 1
        self._bytes += size_bytes
        return True
