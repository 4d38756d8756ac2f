"""What every command over HTTP reads besides its body, as the route table and its description say it."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from libs.runtime.http import AnyRoute, RequestHeader
from libs.runtime.http.route import COMMANDS
from services.registry import idempotency, preference

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


_IF_MATCH: Final = RequestHeader(
    name="If-Match",
    description="ETags of which one must be the present one; else nothing is done, and that is a 412.",
    schema={"type": "string"},
)


def with_command_headers(routes: Sequence[AnyRoute]) -> list[AnyRoute]:
    """Return the routes, of which each command says which headers it reads."""
    return [
        replace(route, headers=_headers(route)) if route.method in COMMANDS else route for route in routes
    ]


def _headers(route: AnyRoute) -> tuple[RequestHeader, ...]:
    # What is only being made has no version yet that anybody could know.
    return _HEADERS if route.status == HTTPStatus.CREATED else (*_HEADERS, _IF_MATCH)
