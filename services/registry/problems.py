"""Every no of the registry as a problem, in one table."""

from libs.domain.refusal import Refusal, RefusalKind
from libs.runtime.http import NOT_FOUND, Problem
from services.registry.commands import NotDone

STATUSES = {RefusalKind.NOT_FOUND: 404, RefusalKind.CONFLICT: 409, RefusalKind.INVALID: 422}

_NOT_DONE = {
    NotDone.LOST_RACE: Problem(
        status=409,
        slug="lost-race",
        detail="Others changed this at the same time, again and again. Nothing was done; try again.",
    ),
    NotDone.STALE: Problem(
        status=412,
        slug="precondition-failed",
        detail="This has changed since the version that If-Match names. Nothing was done; read it again.",
    ),
}


def problem_of(no: Refusal | NotDone) -> Problem:
    """Return the problem that tells a caller why nothing was done."""
    if isinstance(no, NotDone):
        return _NOT_DONE[no]
    if no.kind is RefusalKind.NOT_FOUND:
        return NOT_FOUND  # one answer for what is not there and for what is another's
    return Problem(status=STATUSES[no.kind], slug=no.code, detail=no.detail)
