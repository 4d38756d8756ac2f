"""What every command over HTTP reads besides its body, as the route table and its description say it."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from keyfold.registry.commands import idempotency, preference
from keyfold.runtime.http import AnyRoute, RequestHeader
from keyfold.runtime.http.preconditions import IF_MATCH, IF_NONE_MATCH

_HEADERS: Final = (
    RequestHeader(
        name=idempotency.HEADER,
        description="The same key with the same request within 24 hours: the same answer, done once.",
        schema={"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
    ),
    RequestHeader(
        name=preference.HEADER,
        description=f"wait=SECONDS, at most {preference.WAIT_MAX_S}: answer once it is in force everywhere.",
        schema={"type": "string"},
        adds={
            "enforced": {
                "type": "boolean",
                "description": "With Prefer: wait alone: whether it was in force everywhere in time.",
            }
        },
    ),
)


_CONDITIONS: Final = (
    RequestHeader(
        name=IF_MATCH,
        description="ETags of which one must be the present one; else nothing is done, and that is a 412.",
        schema={"type": "string"},
    ),
    RequestHeader(
        name=IF_NONE_MATCH,
        description="ETags of which none may be the present one; else a 304, or for a command a 412.",
        schema={"type": "string"},
    ),
)


def add_headers(routes: Sequence[AnyRoute]) -> list[AnyRoute]:
    """Return the routes with the headers that each of them reads."""
    return [_add_headers(route) for route in routes]


def _add_headers(route: AnyRoute) -> AnyRoute:
    if not route.is_command:
        return replace(route, headers=_CONDITIONS) if 304 in route.also_answers else route
    # What is only being made has no version yet that a caller could know.
    made = route.status == HTTPStatus.CREATED
    return replace(route, headers=_HEADERS if made else (*_HEADERS, *_CONDITIONS))
