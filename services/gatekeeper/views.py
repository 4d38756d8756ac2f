"""What a gatekeeper tells of itself and of the keys that it holds."""

import math
from datetime import datetime, timedelta
from typing import Literal, assert_never

from libs.domain.ids import KeyId
from libs.domain.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, SubscriberKey
from libs.domain.vendor_key import ActiveVendorKey, RevokedVendorKey, VendorKey
from libs.runtime.auth import Role
from libs.runtime.clock import Clock
from libs.runtime.http import NOT_FOUND, AnyRole, Instant, JsonBody, Reply, Request, Roles, Route
from libs.runtime.http.route import Answer, AnyRoute
from services.gatekeeper.lease import Lease
from services.gatekeeper.replica import Replica


class PositionView(JsonBody):
    """How much of the ledger this gatekeeper holds.

    `lag_s` is how long ago it last proved to hold everything that there was; null before it did.
    `lease_until` is null where it holds no lease, or one without an end.
    """

    position: int
    applied_at: Instant | None
    lag_s: float | None
    lease_until: Instant | None


class KeyView(JsonBody):
    """A key as this gatekeeper holds it at `position`."""

    key_id: str
    kind: Literal["subscriber", "vendor"]
    state: Literal["active", "expired", "revoked"]
    position: int
    account_id: str | None = None
    vendor_id: str | None = None
    permissions: dict[str, str] | None = None
    vendor_ids: list[str] | None = None
    expires_at: Instant | None = None
    revoked_at: Instant | None = None


class Views:
    """Reads of the replica and of the lease."""

    def __init__(self, replica: Replica, lease: Lease, clock: Clock) -> None:
        self._replica = replica
        self._lease = lease
        self._clock = clock

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return the rows of the route table for these reads."""
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
        key = None if state is None else state.keys.get(KeyId(request.path["key_id"]))
        if key is None:
            return NOT_FOUND
        return Answer(body=_view(key, self._clock.now(), self._replica.position))


def _until(now: datetime, left_s: float) -> datetime | None:
    return now + timedelta(seconds=left_s) if math.isfinite(left_s) and left_s > 0 else None


def _view(key: SubscriberKey | VendorKey, now: datetime, position: int) -> KeyView:
    match key:
        case ActiveSubscriberKey():
            return KeyView(
                key_id=key.key_id,
                kind="subscriber",
                state="expired" if key.is_expired(now) else "active",
                account_id=key.account_id,
                permissions=key.permissions.as_words(),
                vendor_ids=None if key.vendor_ids is None else list(key.vendor_ids),
                expires_at=key.expires_at,
                position=position,
            )
        case RevokedSubscriberKey():
            return KeyView(
                key_id=key.key_id,
                kind="subscriber",
                state="revoked",
                account_id=key.account_id,
                revoked_at=key.revoked_at,
                position=position,
            )
        case ActiveVendorKey():
            return KeyView(
                key_id=key.key_id, kind="vendor", state="active", vendor_id=key.vendor_id, position=position
            )
        case RevokedVendorKey():
            return KeyView(
                key_id=key.key_id,
                kind="vendor",
                state="revoked",
                vendor_id=key.vendor_id,
                revoked_at=key.revoked_at,
                position=position,
            )
        case _:
            assert_never(key)
