"""What a gateway passes on when a request is refused."""

from __future__ import annotations

from keyfold.domain.access.decision import Reason
from keyfold.gatekeeper.reasons import STATUSES
from tests.support.stack.world import Answer


def assert_refused(answer: Answer, reason: Reason) -> None:
    """Check everything that a refusal must have."""
    status = STATUSES[reason]
    assert (answer.status, answer.reasons) == (status, [reason])
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert len(answer.headers.getall("X-Keyfold-Decision")) == 1
    problem = answer.body
    assert (problem["status"], problem["reason"]) == (status, reason)
    assert problem["type"] == f"urn:keyfold:problem:{reason.replace('_', '-')}"
    assert problem["title"]
    assert problem["detail"]
