"""A batch of access events on its way into the log: in the order of their times, hour by hour."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Final, NamedTuple

from keyfold.domain.access.event import AccessEvent

_HOUR_S: Final = 3600


class Hour(NamedTuple):
    """The events of one hour, which is told by its number since 1970, in the order of their times."""

    number: int
    events: Sequence[AccessEvent]


_at = attrgetter("at")


def in_order(events: Iterable[AccessEvent]) -> Sequence[AccessEvent]:
    """Return events in the order of their times, which is that of the log's indexes too."""
    return sorted(events, key=_at)


def by_hour(events: Sequence[AccessEvent]) -> Iterator[Hour]:
    """Yield the hours that there are events of, which are in the order of their times."""
    first = 0
    while first < len(events):
        number = int(events[first].at.timestamp() // _HOUR_S)
        end = datetime.fromtimestamp((number + 1) * _HOUR_S, UTC)
        after = bisect_left(events, end, first, key=_at)
        yield Hour(number, events[first:after])
        first = after
