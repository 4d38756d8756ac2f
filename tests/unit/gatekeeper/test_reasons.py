"""The status of each decision."""

from __future__ import annotations

from http import HTTPStatus

from keyfold.domain.access.decision import UNRECOGNISED, Reason
from keyfold.gatekeeper.reasons import STATUSES


def test_each_has_its_status() -> None:
    """401 for a bad key, 403 for a request it may not make, 503 if that is unknown, 429 for too many."""
    assert set(STATUSES) == {None, *Reason}
    of_status = {status: {each for each in STATUSES if STATUSES[each] is status} for status in HTTPStatus}
    assert of_status[HTTPStatus.OK] == {None}
    assert of_status[HTTPStatus.UNAUTHORIZED] == UNRECOGNISED
    assert of_status[HTTPStatus.SERVICE_UNAVAILABLE] == {Reason.STALE}
    assert of_status[HTTPStatus.TOO_MANY_REQUESTS] == {Reason.RATE_LIMITED}
    assert of_status[HTTPStatus.FORBIDDEN] == set(Reason) - UNRECOGNISED - {Reason.STALE, Reason.RATE_LIMITED}
