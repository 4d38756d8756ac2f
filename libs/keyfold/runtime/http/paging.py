"""Pages of a list: a bounded limit, an opaque cursor, and a cut where the next page starts."""

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, Field

from keyfold.runtime.http.models import GivenInt, QueryString
from keyfold.runtime.http.problem import FieldError, Problem, Refused

LIMIT_MAX: Final = 100
_CURSOR_CHARACTERS_MAX: Final = 1024

C = TypeVar("C", bound=BaseModel)
T = TypeVar("T")


class LimitQuery(QueryString):
    """How many items to answer with; a list says itself how it goes on."""

    limit: GivenInt = Field(50, ge=1, le=LIMIT_MAX)

    @property
    def rows_max(self) -> int:
        """How many to look for: one more than is shown tells whether there is a next page."""
        return self.limit + 1


Cursor = Annotated[
    str,
    Field(
        max_length=_CURSOR_CHARACTERS_MAX,
        json_schema_extra={"format": "cursor", "description": "the next_cursor of an answer of this list"},
    ),
]


class PageQuery(LimitQuery):
    """The parameters that every list with a cursor takes; its own filters subclass it."""

    cursor: Cursor | None = None

    def after(self, cursor_type: type[C]) -> C | None:
        """Return what the cursor holds, None for the first page; a forged one is a 400 that says so."""
        return None if self.cursor is None else _decoded(self.cursor, cursor_type)


def cut(
    found: Sequence[T], query: LimitQuery, cursor_of: Callable[[T], str]
) -> tuple[Sequence[T], str | None]:
    """Return what is shown of up to ``rows_max`` that were found, and the next page's cursor if any."""
    shown = found[: query.limit]
    return shown, cursor_of(shown[-1]) if len(found) > len(shown) else None


def page(items: Sequence[object], next_cursor: str | None) -> dict[str, object]:
    """Return the body of a list's answer."""
    return {"items": items, "next_cursor": next_cursor}


def encode_cursor(content: BaseModel) -> str:
    """Write what tells where the next page starts as an opaque word."""
    return base64.urlsafe_b64encode(content.model_dump_json().encode()).decode().rstrip("=")


def decode_cursor(cursor: str, cursor_type: type[C]) -> C:
    """Return what ``encode_cursor`` wrote. Raises ValueError for anything else."""
    padded = cursor + "=" * (-len(cursor) % 4)
    document = base64.b64decode(padded, altchars=b"-_", validate=True)
    return cursor_type.model_validate_json(document, strict=True, extra="forbid")


def _decoded(cursor: str, cursor_type: type[C]) -> C:
    try:
        return decode_cursor(cursor, cursor_type)
    except ValueError:  # what base64 and pydantic raise are kinds of it
        raise Refused(BAD_CURSOR) from None


BAD_CURSOR: Final = Problem(
    status=400,
    slug="bad-query",
    detail="the query is not acceptable",
    errors=(FieldError(pointer="/query/cursor", detail="it is not a next_cursor of this list"),),
)
