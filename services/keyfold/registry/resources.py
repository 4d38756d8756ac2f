"""What owners get: their account and its subscriber keys."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import Field

from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, SubscriberKey
from keyfold.domain.permissions import NO_PERMISSIONS, Access, AccessWord, Category
from keyfold.domain.rate_limit import RateLimit
from keyfold.runtime.http import Instant, JsonBody
from keyfold.store.access_log.activity import NEVER, LastUse
from keyfold.store.read_model.reader import KeyState

_SENSITIVE: Final = frozenset({Category.CLINICAL, Category.FINANCIAL, Category.SYSTEM})


class AccountResource(JsonBody):
    """An account."""

    account_id: str
    name: str
    integrations_enabled: bool
    version: int


class RateLimitResource(JsonBody):
    """How often a key may be used: `requests` in every `per_s` seconds, up to `burst` of them at once."""

    requests: int
    per_s: int
    burst: int


LAST_REFUSED: Final = (
    "when a request with a secret of the key, be it one that was replaced, last got a 401; to the minute"
)


class KeyResource(JsonBody):
    """A subscriber key; a revoked one has no permissions any more.

    `vendor_ids` null: any approved vendor; `networks` null: from anywhere; `rate_limit` null: as often as the
    platform's default says. After a rotation with an overlap the secret before works too, until
    `old_secret_works_until`.
    """

    key_id: str
    account_id: str
    name: str
    permissions: dict[Category, AccessWord]
    vendor_ids: list[str] | None
    networks: list[str] | None
    rate_limit: RateLimitResource | None
    expires_at: Instant | None
    state: KeyState
    secret_hint: str
    old_secret_works_until: Instant | None
    created_at: Instant
    revoked_at: Instant | None
    last_used_at: Instant | None = Field(description="to the minute, which is as exact as it is kept")
    last_refused_at: Instant | None = Field(description=LAST_REFUSED)
    version: int


class KeyWithSecret(JsonBody):
    """A subscriber key with a new secret, and the only time that this is seen."""

    key: KeyResource
    secret: str


class GrantWarning(JsonBody):
    """What was done as it was asked for, and may be more than is needed."""

    pointer: str
    detail: str


class CreatedKey(KeyWithSecret):
    """A new subscriber key."""

    warnings: list[GrantWarning]


class EditedKey(KeyResource):
    """A subscriber key after an edit."""

    warnings: list[GrantWarning]


class KeyPage(JsonBody):
    """Subscriber keys, newest first."""

    items: list[KeyResource]
    next_cursor: str | None


def account_resource(account: Account, version: int) -> AccountResource:
    """Show an account."""
    return AccountResource(
        account_id=account.account_id,
        name=account.name,
        integrations_enabled=account.integrations_enabled,
        version=version,
    )


def key_resource(key: SubscriberKey, version: int, *, now: datetime, last: LastUse = NEVER) -> KeyResource:
    """Show a subscriber key as it is at this instant: it expires without any event."""
    active = key if isinstance(key, ActiveSubscriberKey) else None
    permissions = active.permissions if active else NO_PERMISSIONS
    vendor_ids = active.vendor_ids if active else None
    networks = active.networks if active else None
    outgoing = active.outgoing if active else None
    return KeyResource.model_validate(
        {
            "key_id": key.key_id,
            "account_id": key.account_id,
            "name": key.name,
            "permissions": {Category(name): word for name, word in permissions.as_words().items()},
            "vendor_ids": None if vendor_ids is None else list(vendor_ids),
            "networks": None if networks is None else [str(network) for network in networks],
            "rate_limit": _rate_limit(active.rate_limit) if active else None,
            "expires_at": active.expires_at if active else None,
            "state": _state(key, now),
            "secret_hint": key.secret_hint,
            "old_secret_works_until": outgoing.works_until if outgoing and outgoing.works(now) else None,
            "created_at": key.created_at,
            "revoked_at": None if isinstance(key, ActiveSubscriberKey) else key.revoked_at,
            "last_used_at": last.used_at,
            "last_refused_at": last.refused_at,
            "version": version,
        }
    )


def _rate_limit(limit: RateLimit | None) -> RateLimitResource | None:
    if limit is None:
        return None
    return RateLimitResource(requests=limit.requests, per_s=limit.per_s, burst=limit.burst)


def _state(key: SubscriberKey, now: datetime) -> KeyState:
    if not isinstance(key, ActiveSubscriberKey):
        return KeyState.REVOKED
    return KeyState.EXPIRED if key.is_expired(now) else KeyState.ACTIVE


def warnings_of(granted: Mapping[Category, Access]) -> list[GrantWarning]:
    """Warn of each permission to change data that does the most harm in the wrong hands."""
    return [
        GrantWarning(
            pointer=f"/permissions/{category}",
            detail=f"Integrations with this key can change {category} data. Grant read if they only look.",
        )
        for category, access in granted.items()
        if access is Access.WRITE and category in _SENSITIVE
    ]
