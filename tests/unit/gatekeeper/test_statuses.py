"""The status of each decision."""

from __future__ import annotations

from http import HTTPStatus

from keyfold.domain.access.decision import UNRECOGNISED, Reason
from keyfold.gatekeeper.statuses import STATUSES


def test_each_has_its_status() -> None:
    """401 where a key does not work, 403 where the request does not; 503: nobody can tell; 429: too often."""
    assert set(STATUSES) == {None, *Reason}
    of_status = {status: {each for each in STATUSES if STATUSES[each] is status} for status in HTTPStatus}
    assert of_status[HTTPStatus.OK] == {None}
    assert of_status[HTTPStatus.UNAUTHORIZED] == UNRECOGNISED
    assert of_status[HTTPStatus.SERVICE_UNAVAILABLE] == {Reason.STALE}
    assert of_status[HTTPStatus.TOO_MANY_REQUESTS] == {Reason.RATE_LIMITED}
    assert of_status[HTTPStatus.FORBIDDEN] == set(Reason) - UNRECOGNISED - {Reason.STALE, Reason.RATE_LIMITED}
