"""The forms of bodies and queries: strict, without unknown fields, and times always in one form."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_DECIMAL: Final = re.compile(r"-?[0-9]+")


@lru_cache(maxsize=64)  # a chart's thousand items begin at few times
def rfc3339(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC with microseconds: ``2026-01-31T08:00:00.000000Z``.

    The wire's times have the same form by their own rule: this package knows nothing of the wire.
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Instant = Annotated[
    AwareDatetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time in an answer: UTC with microseconds."""


def _read_instant(given: object) -> datetime:
    if isinstance(given, datetime):
        return given  # one of ours, on its way into a cursor
    if not isinstance(given, str) or not _RFC3339.fullmatch(given):
        raise ValueError("it is not an RFC 3339 date and time with a zone, such as 2026-01-31T08:00:00Z")
    try:
        at = datetime.fromisoformat(given.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("it lies outside of the calendar") from None
    # Code that asks for the moment just before or after a time must be able to name it.
    if not _FIRST < at < _LAST:
        raise ValueError("it lies outside of the calendar")
    return at


GivenInstant = Annotated[Instant, BeforeValidator(_read_instant)]
"""A time that a caller sends: RFC 3339 with any offset, read as UTC, never the calendar's first or last."""


def _read_decimal(given: object) -> object:
    if isinstance(given, str) and not _DECIMAL.fullmatch(given):
        raise ValueError("it is not a whole number in decimal digits")
    return given


GivenInt = Annotated[int, BeforeValidator(_read_decimal)]
"""A whole number in a query: decimal digits alone."""


def _read_whole(given: object) -> object:
    return int(given) if isinstance(given, float) and given.is_integer() else given


WHOLE = BeforeValidator(_read_whole)
WholeNumber = Annotated[int, WHOLE]
"""A whole number in a body: JSON has only one kind of number, so 60.0 is 60.

If null is allowed too, bounds go inside: `Annotated[int, Field(ge=1), WHOLE] | None`.
"""


class JsonBody(BaseModel):
    """A body of a request or an answer: exact types, no undeclared field."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class QueryString(BaseModel):
    """Query parameters: text read as the declared types, no undeclared parameter."""

    model_config = ConfigDict(extra="forbid", frozen=True)
