"""What a gatekeeper shows of itself and of its keys."""

import math
from datetime import datetime, timedelta

from keyfold.domain.ids import KeyId
from keyfold.gatekeeper.queries.decide import NOTHING_KNOWN
from keyfold.gatekeeper.queries.key import KeyView, view_of
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import NOT_FOUND, AnyRole, Instant, JsonBody, Reply, Request, Roles, Route
from keyfold.runtime.http.route import Answer, AnyRoute


class PositionView(JsonBody):
    """How much of the ledger this gatekeeper holds.

    `lag_s` is how long ago it last proved to hold everything that there was; null before it did.
    `lease_until` is null where it holds no lease, or one without an end.
    """

    position: int
    applied_at: Instant | None
    lag_s: float | None
    lease_until: Instant | None


class Views:
    """Reads of the replica and of the lease."""

    def __init__(self, replica: Replica, lease: Lease, clock: Clock) -> None:
        self._replica = replica
        self._lease = lease
        self._clock = clock

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return the routes of these reads."""
        return (
            Route(
                method="GET",
                path="/v1/position",
                handler=self.position,
                rule=AnyRole(),
                summary="How much of the ledger this gatekeeper has applied, and until when it may allow.",
                answer=PositionView,
            ),
            Route(
                method="GET",
                path="/v1/keys/{key_id}",
                handler=self.key,
                rule=Roles(frozenset({Role.GATEWAY, Role.OPERATOR})),
                summary="A key as this gatekeeper holds it.",
                answer=KeyView,
                refusals=(503,),
            ),
        )

    async def position(self, _request: Request[None, None]) -> Reply:
        """Answer `GET /v1/position`."""
        now, now_s, proven_s = self._clock.now(), self._clock.monotonic_s(), self._lease.proven_s
        return Answer(
            body=PositionView(
                position=self._replica.position,
                applied_at=self._replica.applied_at,
                lag_s=None if proven_s is None else round(now_s - proven_s, 3),
                lease_until=_until(now, self._lease.until_s - now_s),
            )
        )

    async def key(self, request: Request[None, None]) -> Reply:
        """Answer `GET /v1/keys/{key_id}`."""
        state = self._replica.state
        if state is None:
            return NOTHING_KNOWN
        key = state.keys.get(KeyId(request.path["key_id"]))
        if key is None:
            return NOT_FOUND
        return Answer(body=view_of(key, state, self._clock.now(), self._replica.position))


def _until(now: datetime, left_s: float) -> datetime | None:
    return now + timedelta(seconds=left_s) if math.isfinite(left_s) and left_s > 0 else None
