"""Problems: every refusal over HTTP, in the form of RFC 9457."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web

TYPE_PREFIX: Final = "urn:keyfold:problem:"
MEDIA_TYPE: Final = "application/problem+json"
_ERRORS_MAX: Final = 100
# Our own names and ids are shorter. A longer one may be a stray secret, and clients log problems.
_QUOTED_CHARACTERS_MAX: Final = 40
_NOT_QUOTED: Final = "(cut)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong at one JSON pointer of a body, or at ``/query/limit`` for a query parameter."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A refusal as the caller sees it; ``slug`` names its kind to machines, ``extra`` adds members."""

    status: int
    slug: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)


class Refused(Exception):
    """The request ends with this problem; for code that is nested too deeply to return it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.slug)
        self.problem = problem


NOT_FOUND: Final = Problem(status=404, slug="not-found", detail="there is no such resource")
"""Also the answer to a caller from another tenant, who is not told what exists elsewhere."""


def of_status(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Problem:
    """Return the problem whose kind is the status itself, such as ``method-not-allowed``."""
    slug = HTTPStatus(status).phrase.lower().replace(" ", "-").replace("'", "")
    return Problem(status=status, slug=slug, detail=detail, headers=headers or {})


def bad_body(errors: Sequence[FieldError]) -> Problem:
    """Return the problem of a body that the call does not take."""
    return Problem(status=422, slug="bad-body", detail="the body is not acceptable", errors=errors)


def pointer_to(place: Sequence[str | int]) -> str:
    """Return a place in a document as a JSON pointer (RFC 6901), without names too long to be ours."""
    return "".join("/" + _quote(str(part)).replace("~", "~0").replace("/", "~1") for part in place)


def _quote(part: str) -> str:
    # JSON can name half a character (a lone surrogate), but no answer can hold it.
    return part.encode(errors="replace").decode() if len(part) <= _QUOTED_CHARACTERS_MAX else _NOT_QUOTED


def problem_body(problem: Problem, instance: str) -> bytes:
    """Return the problem's JSON; ``instance`` is the request's path, if known.

    Segments of the path that are too long to be our names or ids are left out.
    """
    instance = "/".join(map(_quote, instance.split("/")))
    members: dict[str, object] = {
        "type": TYPE_PREFIX + problem.slug,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        **({"instance": instance} if instance else {}),
        **problem.extra,
    }
    if problem.errors:
        members["errors"] = [
            {"pointer": each.pointer, "detail": each.detail} for each in problem.errors[:_ERRORS_MAX]
        ]
    return orjson.dumps(members)


def problem_response(problem: Problem, instance: str) -> web.Response:
    """Return the problem as an HTTP response."""
    return web.Response(
        status=problem.status,
        body=problem_body(problem, instance),
        content_type=MEDIA_TYPE,
        headers=problem.headers,
    )
