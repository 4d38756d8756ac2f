"""Times as text: RFC 3339 in UTC, always with microseconds, so that text order is time order."""

import re
from datetime import UTC, datetime
from typing import Final

from msgspec import to_builtins

_WHOLE_SECOND: Final = len("2026-01-31T23:59:59Z")
_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def format_time(at: datetime) -> str:
    """Return an aware datetime as `2026-01-31T23:59:59.000001Z`. Raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone names no instant")
    # This takes a tenth of the time of `isoformat`, but leaves out microseconds that are zero.
    text: str = to_builtins(at.astimezone(UTC))
    return text if len(text) > _WHOLE_SECOND else f"{text[:-1]}.000000Z"


def parse_time(text: str) -> datetime:
    """Return the time that `format_time` wrote. Raises ValueError for any other form."""
    if not _FORM.fullmatch(text):
        raise ValueError(f"{text!r} is no time such as 2026-01-31T23:59:59.000001Z")
    return datetime.fromisoformat(text)
