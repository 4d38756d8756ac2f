"""A batch of access events on its way into the log, sorted by time and split by hour."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Final, NamedTuple

from keyfold.domain.access.event import AccessEvent

_HOUR_S: Final = 3600


class Hour(NamedTuple):
    """The events of one hour, sorted by time; `number` counts hours since 1970."""

    number: int
    events: Sequence[AccessEvent]


_at = attrgetter("at")


def sort_by_time(events: Iterable[AccessEvent]) -> Sequence[AccessEvent]:
    """Return events sorted by time, which is the order of the log's indexes too."""
    return sorted(events, key=_at)


def split_by_hour(events: Sequence[AccessEvent]) -> Iterator[Hour]:
    """Yield the hours of events that are sorted by time."""
    first = 0
    while first < len(events):
        number = int(events[first].at.timestamp() // _HOUR_S)
        end = datetime.fromtimestamp((number + 1) * _HOUR_S, UTC)
        after = bisect_left(events, end, first, key=_at)
        yield Hour(number, events[first:after])
        first = after
