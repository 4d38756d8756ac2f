"""Pages of a list: a bounded limit, an opaque cursor, and a cut where the next page begins."""

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
    """How many items to answer with; each list defines how it continues."""

    limit: GivenInt = Field(50, ge=1, le=LIMIT_MAX)

    @property
    def rows_max(self) -> int:
        """How many rows to read: one more than is shown tells whether there is a next page."""
        return self.limit + 1


Cursor = Annotated[
    str,
    Field(
        max_length=_CURSOR_CHARACTERS_MAX,
        json_schema_extra={"format": "cursor", "description": "the next_cursor of an answer of this list"},
    ),
]


class PageQuery(LimitQuery):
    """The parameters of every list with a cursor; a list with filters subclasses it."""

    cursor: Cursor | None = None

    def after(self, cursor_type: type[C]) -> C | None:
        """Return what the cursor holds, None for the first page. Raises Refused for a forged one."""
        return None if self.cursor is None else _read_cursor(self.cursor, cursor_type)


def cut(
    found: Sequence[T], query: LimitQuery, cursor_of: Callable[[T], str]
) -> tuple[Sequence[T], str | None]:
    """Return which of up to ``rows_max`` found items are shown, and the next page's cursor, if any."""
    shown = found[: query.limit]
    return shown, cursor_of(shown[-1]) if len(found) > len(shown) else None


def page(items: Sequence[object], next_cursor: str | None) -> dict[str, object]:
    """Return the body of a list's answer."""
    return {"items": items, "next_cursor": next_cursor}


def encode_cursor(content: BaseModel) -> str:
    """Return an opaque word for what says where the next page begins."""
    return base64.urlsafe_b64encode(content.model_dump_json().encode()).decode().rstrip("=")


def decode_cursor(cursor: str, cursor_type: type[C]) -> C:
    """Return what ``encode_cursor`` wrote. Raises ValueError for anything else."""
    padded = cursor + "=" * (-len(cursor) % 4)
    document = base64.b64decode(padded, altchars=b"-_", validate=True)
    return cursor_type.model_validate_json(document, strict=True, extra="forbid")


def _read_cursor(cursor: str, cursor_type: type[C]) -> C:
    try:
        return decode_cursor(cursor, cursor_type)
    except ValueError:  # the errors of base64 and pydantic are kinds of it
        raise Refused(BAD_CURSOR) from None


BAD_CURSOR: Final = Problem(
    status=400,
    slug="bad-query",
    detail="the query is not acceptable",
    errors=(FieldError(pointer="/query/cursor", detail="it is not a next_cursor of this list"),),
)
