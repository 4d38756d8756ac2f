"""Shapes of bodies and queries: strict, closed, and times always in one form."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer, WithJsonSchema


def rfc3339(moment: datetime) -> str:
    """Write an aware time as RFC 3339 in UTC with microseconds: ``2026-01-31T08:00:00.000000Z``.

    The wire's times have the same form by a rule of their own: this package knows nothing of the wire.
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Instant = Annotated[
    AwareDatetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time in a body: any RFC 3339 offset in, UTC with microseconds out."""


class JsonBody(BaseModel):
    """A request or answer body: exact types, no field that is not declared."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class QueryString(BaseModel):
    """Query parameters: text that is read as the declared types, no parameter that is not declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)
