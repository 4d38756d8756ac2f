"""Pages of a list: a bounded limit and an opaque cursor."""

import base64
import binascii
from collections.abc import Sequence
from typing import Final, TypeVar

from pydantic import BaseModel, Field, ValidationError

from libs.runtime.http.models import QueryString
from libs.runtime.http.problem import FieldError, Problem, Refused

LIMIT_MAX: Final = 100
_CURSOR_CHARACTERS_MAX: Final = 1024

C = TypeVar("C", bound=BaseModel)


class PageQuery(QueryString):
    """The parameters that every list takes; a list's own filters subclass it."""

    limit: int = Field(50, ge=1, le=LIMIT_MAX)
    cursor: str | None = Field(None, max_length=_CURSOR_CHARACTERS_MAX)


def page(items: Sequence[object], next_cursor: str | None) -> dict[str, object]:
    """Return the body of a list's answer."""
    return {"items": items, "next_cursor": next_cursor}


def encode_cursor(place: BaseModel) -> str:
    """Write where the next page starts as an opaque word."""
    return base64.urlsafe_b64encode(place.model_dump_json().encode()).decode().rstrip("=")


def decode_cursor(cursor: str, place_type: type[C]) -> C:
    """Read a cursor of ``encode_cursor`` back; a forged or mistyped one is a 400 that says so."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        document = base64.b64decode(padded, altchars=b"-_", validate=True)
        return place_type.model_validate_json(document, strict=True, extra="forbid")
    except (binascii.Error, ValueError, ValidationError):
        raise Refused(BAD_CURSOR) from None


BAD_CURSOR: Final = Problem(
    status=400,
    slug="bad-query",
    detail="the query is not acceptable",
    errors=(FieldError(pointer="/query/cursor", detail="it is not a next_cursor of this list"),),
)
