"""Which part of the log a query reaches: exactly 90 days back, and a day ahead for clocks that run fast.

A time outside of that never reaches the database, whether a caller names it or makes up a cursor with it.
"""

from datetime import datetime, timedelta
from typing import Final

from keyfold.audit.retention import RETENTION, oldest_kept
from keyfold.runtime.http import BAD_CURSOR, FieldError, Problem, Refused

# A caller that asks for the last 90 days computed the bound a moment before this clock is read.
_GRACE: Final = timedelta(minutes=1)
# Gatekeepers' clocks may be ahead of this one, and what they decided just now is activity too.
_AHEAD: Final = timedelta(days=1)

_TOO_OLD: Final = Problem(
    status=400,
    slug="beyond-retention",
    detail=f"`since` is more than {RETENTION.days} days ago; "
    f"access events are kept for {RETENTION.days} days",
    errors=(FieldError(pointer="/query/since", detail=f"it is more than {RETENTION.days} days ago"),),
)
_BACKWARDS: Final = Problem(
    status=400,
    slug="until-before-since",
    detail="`until` is before `since`; between them is nothing to ask for",
    errors=(FieldError(pointer="/query/until", detail="it is before `since`"),),
)


def check(since: datetime | None, until: datetime | None, now: datetime) -> None:
    """Raise Refused when `since` is further back than events are kept, or `until` is before it."""
    if since is not None and since < oldest_kept(now) - _GRACE:
        raise Refused(_TOO_OLD)
    if since is not None and until is not None and until < since:
        raise Refused(_BACKWARDS)


def first(since: datetime | None, now: datetime) -> datetime:
    """Return the time of the first event that may be shown."""
    return _within(since or oldest_kept(now), now)


def end(until: datetime | None, now: datetime) -> datetime:
    """Return the time before which the last event that may be shown lies."""
    return _within(until or now + _AHEAD, now)


def check_place(at: datetime, now: datetime) -> None:
    """Raise Refused when a cursor names a time at which no event can be: no answer gave that cursor out."""
    if at > now + _AHEAD:
        raise Refused(BAD_CURSOR)


def _within(at: datetime, now: datetime) -> datetime:
    return min(max(at, oldest_kept(now)), now + _AHEAD)
