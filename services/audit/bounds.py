"""Which part of the log a question reaches: 90 days back exactly, up to what clocks that are ahead saw."""

from datetime import datetime, timedelta
from typing import Final

from libs.runtime.http import FieldError, Problem, Refused
from services.audit.retention import KEPT, oldest_kept

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


def check_since(since: datetime | None, now: datetime) -> None:
    """Refuse what reaches back further than events are kept."""
    if since is not None and since < oldest_kept(now) - _GRACE:
        raise Refused(_TOO_OLD)


def first(since: datetime | None, now: datetime) -> datetime:
    """Return the time of the first event that may be shown."""
    return oldest_kept(now) if since is None else max(since, oldest_kept(now))


def end(until: datetime | None, now: datetime) -> datetime:
    """Return the time before which the last event lies."""
    return now + _AHEAD if until is None else until
