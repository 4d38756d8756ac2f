"""A key as a gatekeeper holds it, with what else a decision about it depends on."""

from datetime import datetime
from typing import Literal, assert_never

from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor import VendorState
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, RevokedVendorKey, VendorKey
from keyfold.domain.permissions import CATEGORIES, AccessWord, Category
from keyfold.domain.rate_limit import RateLimit
from keyfold.domain.secret import OutgoingSecret
from keyfold.runtime.http import Instant, JsonBody


class RateLimitView(JsonBody):
    """How often a key may be used."""

    requests: int
    per_s: int
    burst: int


class KeyView(JsonBody):
    """A key as this gatekeeper holds it at `position`; what a key of its kind or state has not is null.

    A subscriber key works while its account's `integrations_enabled` holds: `vendor_ids` null is for any
    vendor, `networks` null from anywhere, `rate_limit` null by this gatekeeper's default. A vendor key works
    while its `vendor_state` is approved. Of either, the secret before the last works until
    `old_secret_works_until`.
    """

    key_id: str
    kind: Literal["subscriber", "vendor"]
    state: Literal["active", "expired", "revoked"]
    position: int
    secret_hint: str
    created_at: Instant
    account_id: str | None = None
    integrations_enabled: bool | None = None
    vendor_id: str | None = None
    vendor_state: VendorState | None = None
    permissions: dict[Category, AccessWord] | None = None
    vendor_ids: list[str] | None = None
    networks: list[str] | None = None
    rate_limit: RateLimitView | None = None
    expires_at: Instant | None = None
    old_secret_works_until: Instant | None = None
    revoked_at: Instant | None = None


def view_of(key: SubscriberKey | VendorKey, state: State, now: datetime, position: int) -> KeyView:
    """Return the view of a key of that state."""
    match key:
        case ActiveSubscriberKey():
            return _active(key, state, now, position)
        case RevokedSubscriberKey():
            return KeyView(
                key_id=key.key_id,
                kind="subscriber",
                state="revoked",
                position=position,
                secret_hint=key.secret_hint,
                created_at=key.created_at,
                account_id=key.account_id,
                integrations_enabled=state.accounts[key.account_id].integrations_enabled,
                revoked_at=key.revoked_at,
            )
        case ActiveVendorKey() | RevokedVendorKey():
            return _of_vendor(key, state, now, position)
        case _:
            assert_never(key)


def _active(key: ActiveSubscriberKey, state: State, now: datetime, position: int) -> KeyView:
    return KeyView(
        key_id=key.key_id,
        kind="subscriber",
        state="expired" if key.is_expired(now) else "active",
        position=position,
        secret_hint=key.secret_hint,
        created_at=key.created_at,
        account_id=key.account_id,
        integrations_enabled=state.accounts[key.account_id].integrations_enabled,
        permissions={category: key.permissions[category].word for category in CATEGORIES},
        vendor_ids=None if key.vendor_ids is None else list(key.vendor_ids),
        networks=None if key.networks is None else [str(network) for network in key.networks],
        rate_limit=_limit(key.rate_limit),
        expires_at=key.expires_at,
        old_secret_works_until=_works_until(key.outgoing, now),
    )


def _of_vendor(key: VendorKey, state: State, now: datetime, position: int) -> KeyView:
    return KeyView(
        key_id=key.key_id,
        kind="vendor",
        state="active" if isinstance(key, ActiveVendorKey) else "revoked",
        position=position,
        secret_hint=key.secret_hint,
        created_at=key.issued_at,
        vendor_id=key.vendor_id,
        vendor_state=state.vendors[key.vendor_id].state,
        old_secret_works_until=_works_until(key.outgoing, now) if isinstance(key, ActiveVendorKey) else None,
        revoked_at=key.revoked_at if isinstance(key, RevokedVendorKey) else None,
    )


def _limit(limit: RateLimit | None) -> RateLimitView | None:
    if limit is None:
        return None
    return RateLimitView(requests=limit.requests, per_s=limit.per_s, burst=limit.burst)


def _works_until(outgoing: OutgoingSecret | None, now: datetime) -> datetime | None:
    # Its end needs no event, so that one which is over may still be held.
    return outgoing.works_until if outgoing is not None and outgoing.works(now) else None
