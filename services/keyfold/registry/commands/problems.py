"""Why nothing was done, as a problem: each status and slug in one table."""

from keyfold.domain.refusal import Refusal, RefusalKind
from keyfold.registry.commands.execution import NotDone
from keyfold.runtime.http import NOT_FOUND, Problem
from keyfold.runtime.http.preconditions import FAILED

STATUSES = {RefusalKind.NOT_FOUND: 404, RefusalKind.CONFLICT: 409, RefusalKind.INVALID: 422}

_NOT_DONE = {
    NotDone.STALE: FAILED,
    NotDone.KEY_REUSED: Problem(
        status=422,
        slug="idempotency-key-reused",
        detail="This Idempotency-Key came with another request before. Nothing was done; use a new one.",
    ),
    NotDone.TOO_MANY_RECORDS: Problem(
        status=429,
        slug="too-many-idempotency-keys",
        detail="As many answers as may be are kept for your Idempotency-Keys, each for 24 hours. "
        "Nothing was done; send the command without Idempotency-Key, or later.",
    ),
}

ANSWER_SEALED = Problem(
    status=409,
    slug="idempotency-answer-sealed",
    detail="This request was done before, but its answer was sealed under a secret that is gone. "
    "Nothing was done again; read what there is now.",
)


def problem_of(no: Refusal | NotDone) -> Problem:
    """Return the problem that tells a caller why nothing was done."""
    if isinstance(no, NotDone):
        return _NOT_DONE[no]
    if no.kind is RefusalKind.NOT_FOUND:
        return NOT_FOUND  # one answer for what is not there and for what is another's
    return Problem(status=STATUSES[no.kind], slug=no.code, detail=no.detail)
