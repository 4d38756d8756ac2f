"""Which part of the log a question reaches: 90 days back exactly, up to what clocks that are ahead saw.

Nobody reckons with a time that lies outside of that, whether a caller names it or has made up a cursor.
"""

from datetime import datetime, timedelta
from typing import Final

from keyfold.audit.retention import KEPT, oldest_kept
from keyfold.runtime.http import BAD_CURSOR, FieldError, Problem, Refused

# Who asks for the last 90 days computed the bound a moment before this clock reads it.
_GRACE: Final = timedelta(minutes=1)
# Gatekeepers' clocks may be ahead of this one; what they decided just now is activity too.
_AHEAD: Final = timedelta(days=1)

_TOO_OLD: Final = Problem(
    status=400,
    slug="beyond-retention",
    detail=f"`since` is more than {KEPT.days} days ago; access events are kept for {KEPT.days} days",
    errors=(FieldError(pointer="/query/since", detail=f"it is more than {KEPT.days} days ago"),),
)
_BACKWARDS: Final = Problem(
    status=400,
    slug="until-before-since",
    detail="`until` is before `since`; between them is nothing to ask for",
    errors=(FieldError(pointer="/query/until", detail="it is before `since`"),),
)


def check(since: datetime | None, until: datetime | None, now: datetime) -> None:
    """Refuse what reaches back further than events are kept, or ends before it begins."""
    if since is not None and since < oldest_kept(now) - _GRACE:
        raise Refused(_TOO_OLD)
    if since is not None and until is not None and until < since:
        raise Refused(_BACKWARDS)


def first(since: datetime | None, now: datetime) -> datetime:
    """Return the time of the first event that may be shown."""
    return _within(since or oldest_kept(now), now)


def end(until: datetime | None, now: datetime) -> datetime:
    """Return the time before which the last event lies."""
    return _within(until or now + _AHEAD, now)


def check_place(at: datetime, now: datetime) -> None:
    """Refuse the place that a cursor tells of where no event can be: no answer has given it out."""
    if at > now + _AHEAD:
        raise Refused(BAD_CURSOR)


def _within(at: datetime, now: datetime) -> datetime:
    return min(max(at, oldest_kept(now)), now + _AHEAD)
