"""What owners get: their account and its subscriber keys."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import Field

from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.domain.permissions import CATEGORIES, Access, AccessWord, Category
from keyfold.resources.keys import KeyFields, key_fields
from keyfold.runtime.http import Instant, JsonBody
from keyfold.store.access_log.activity import NEVER, LastUse

_SENSITIVE: Final = frozenset({Category.CLINICAL, Category.FINANCIAL, Category.SYSTEM})


class AccountResource(JsonBody):
    """An account."""

    account_id: str
    name: str
    integrations_enabled: bool
    version: int


LAST_REFUSED: Final = (
    "when a request with a secret of the key, be it one that was replaced, last got a 401; to the minute"
)


class KeyResource(KeyFields):
    """A subscriber key; a revoked one has no permissions any more.

    After a rotation with an overlap the secret before works too, until `old_secret_works_until`.
    """

    account_id: str
    name: str
    permissions: dict[Category, AccessWord]
    last_used_at: Instant | None = Field(description="to the minute, which is as exact as it is kept")
    last_refused_at: Instant | None = Field(description=LAST_REFUSED)
    version: int


class KeyWithSecret(JsonBody):
    """A subscriber key with a new secret, and the only time that this is seen."""

    key: KeyResource
    secret: str = Field(repr=False)


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


def key_resource(key: SubscriberKey, version: int, now: datetime, last: LastUse = NEVER) -> KeyResource:
    """Show a subscriber key as it is at this instant: it expires without any event."""
    fields = dict.fromkeys(KeyResource.model_fields) | key_fields(key, now)
    if fields["permissions"] is None:
        fields["permissions"] = dict.fromkeys(CATEGORIES, Access.NONE.word)
    fields |= {"last_used_at": last.used_at, "last_refused_at": last.refused_at, "version": version}
    return KeyResource.model_validate(fields)


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
