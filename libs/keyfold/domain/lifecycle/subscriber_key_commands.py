"""What may be asked of a subscriber key, and what comes of it: made, edited, rotated, revoked."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from msgspec import Struct

from keyfold.domain.ids import VENDOR_PREFIX, AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.subscriber_key import (
    ActiveSubscriberKey,
    RevokedSubscriberKey,
    SubscriberKey,
    SubscriberKeyCreated,
    SubscriberKeyEvent,
    SubscriberKeyExpiryChanged,
    SubscriberKeyExpiryNear,
    SubscriberKeyNetworksChanged,
    SubscriberKeyOverlapEnded,
    SubscriberKeyPermissionsChanged,
    SubscriberKeyRateLimitChanged,
    SubscriberKeyRenamed,
    SubscriberKeyRevoked,
    SubscriberKeyRotated,
    SubscriberKeyVendorsChanged,
)
from keyfold.domain.network import Network
from keyfold.domain.permissions import Access, Category, Permissions
from keyfold.domain.rate_limit import RateLimit
from keyfold.domain.refusal import REDACTED, Refusal, conflict, invalid, not_found
from keyfold.domain.secret import overlap_end

REMINDED_BEFORE = (timedelta(days=14), timedelta(days=3))
"""How long before a key expires its owner is told."""


class Unset(Enum):
    """Marks a field that an edit leaves alone: None is a value of its own."""

    UNSET = "unset"


UNSET = Unset.UNSET


class CreateSubscriberKey(Struct, frozen=True, kw_only=True, gc=False):
    """Make a key for the account. `digest` is the SHA-256 of the secret, which the domain never sees.

    The account may have `live_keys_max` keys that are not revoked.
    """

    account_id: AccountId
    key_id: KeyId
    name: str
    permissions: Permissions
    vendor_ids: tuple[VendorId, ...] | None
    networks: tuple[Network, ...] | None
    rate_limit: RateLimit | None
    expires_at: datetime | None
    digest: bytes
    secret_hint: str
    live_keys_max: int


class EditSubscriberKey(Struct, frozen=True, kw_only=True, gc=False):
    """Change what is named and leave the rest; in `permissions` too, only the categories named change."""

    account_id: AccountId
    key_id: KeyId
    name: str | Unset = UNSET
    permissions: Mapping[Category, Access] | Unset = UNSET
    vendor_ids: tuple[VendorId, ...] | Unset | None = UNSET
    networks: tuple[Network, ...] | Unset | None = UNSET
    rate_limit: RateLimit | Unset | None = UNSET
    expires_at: datetime | Unset | None = UNSET


class RotateSubscriberKey(Struct, frozen=True, kw_only=True, gc=False):
    """Replace the key's secret; the old one goes on working for `overlap`."""

    account_id: AccountId
    key_id: KeyId
    digest: bytes
    secret_hint: str
    overlap: timedelta


class RevokeSubscriberKey(Struct, frozen=True, kw_only=True, gc=False):
    """Stop the key for ever."""

    account_id: AccountId
    key_id: KeyId


class PassSubscriberKeyTime(Struct, frozen=True, kw_only=True, gc=False):
    """Record what has fallen due for the key and was not recorded yet, each thing once."""

    account_id: AccountId
    key_id: KeyId


SubscriberKeyCommand = (
    CreateSubscriberKey
    | EditSubscriberKey
    | RotateSubscriberKey
    | RevokeSubscriberKey
    | PassSubscriberKeyTime
)


class RevokeSubscriberKeys(Struct, frozen=True, kw_only=True, gc=False):
    """Stop these keys of the account for ever, or with None all that it has."""

    account_id: AccountId
    key_ids: tuple[KeyId, ...] | None


def decide(
    command: SubscriberKeyCommand,
    key: SubscriberKey | None,
    account: Account | None,
    now: datetime,
    *,
    live_keys: int = 0,
    approved_vendors: Collection[VendorId] = (),
) -> tuple[SubscriberKeyEvent, ...] | Refusal:
    """Return the events that the command makes of this key, none when nothing would change.

    `live_keys` counts the account's keys that are not revoked, which bounds how many are created.
    `approved_vendors` are those, of the vendors that the command names, that are approved.
    """
    if account is None:
        return not_found("account")
    if key is not None and key.account_id != account.account_id:
        return not_found("key")
    match command, key:
        case CreateSubscriberKey(), None:
            return _create(command, account, now, live_keys, approved_vendors)
        case CreateSubscriberKey(), _:
            return conflict("key-exists", "A key with this id exists already.")
        case EditSubscriberKey(), ActiveSubscriberKey():
            return _edit(command, key, now, approved_vendors)
        case RotateSubscriberKey(), ActiveSubscriberKey():
            return _rotate(command, key, now)
        case RevokeSubscriberKey(), ActiveSubscriberKey():
            return (_revoke(key, now),)
        case PassSubscriberKeyTime(), ActiveSubscriberKey():
            return tuple(_find_due(key, now))
        case EditSubscriberKey() | RotateSubscriberKey(), RevokedSubscriberKey():
            return _REVOKED
        case RevokeSubscriberKey() | PassSubscriberKeyTime(), RevokedSubscriberKey():
            return ()
    return not_found("key")


def decide_revocations(
    keys: Iterable[SubscriberKey | None], account: Account | None, now: datetime
) -> tuple[SubscriberKeyRevoked, ...] | Refusal:
    """Return a revocation of each key that is the account's and works; other keys are passed over."""
    if account is None:
        return not_found("account")
    return tuple(
        _revoke(key, now)
        for key in keys
        if isinstance(key, ActiveSubscriberKey) and key.account_id == account.account_id
    )


_REVOKED = conflict(
    "key-revoked", "The key is revoked, for ever: it cannot be edited, rotated or revived. Create another."
)
_EXPIRES_IN_THE_PAST = invalid(
    "expires-in-the-past", "`expires_at` must lie in the future; to stop a key now, revoke it."
)


def _create(
    command: CreateSubscriberKey,
    account: Account,
    now: datetime,
    live_keys: int,
    approved_vendors: Collection[VendorId],
) -> tuple[SubscriberKeyEvent, ...] | Refusal:
    if command.expires_at is not None and command.expires_at <= now:
        return _EXPIRES_IN_THE_PAST
    if live_keys >= command.live_keys_max:
        return conflict(
            "too-many-keys",
            f"The account has {live_keys} live keys, and {command.live_keys_max} is the most. "
            "Revoke one that is no longer used.",
        )
    if refusal := _refuse_unknown(command.vendor_ids, approved_vendors):
        return refusal
    return (
        SubscriberKeyCreated(
            key_id=command.key_id,
            account_id=account.account_id,
            name=command.name,
            permissions=command.permissions,
            vendor_ids=command.vendor_ids,
            networks=command.networks,
            rate_limit=command.rate_limit,
            expires_at=command.expires_at,
            reminders=_set_reminders(command.expires_at, now),
            digest=command.digest,
            secret_hint=command.secret_hint,
            created_at=now,
        ),
    )


_CHANGES: Mapping[str, Callable[..., SubscriberKeyEvent]] = {
    "name": SubscriberKeyRenamed,
    "permissions": SubscriberKeyPermissionsChanged,
    "vendor_ids": SubscriberKeyVendorsChanged,
    "networks": SubscriberKeyNetworksChanged,
    "rate_limit": SubscriberKeyRateLimitChanged,
    "expires_at": SubscriberKeyExpiryChanged,
}
"""What an edit of each field is recorded as, in the order of the events."""


def _edit(
    command: EditSubscriberKey,
    key: ActiveSubscriberKey,
    now: datetime,
    approved_vendors: Collection[VendorId],
) -> tuple[SubscriberKeyEvent, ...] | Refusal:
    wanted = {field: getattr(command, field) for field in _CHANGES if getattr(command, field) is not UNSET}
    if command.permissions is not UNSET:
        wanted["permissions"] = key.permissions.changed(command.permissions)
    changed = {field: value for field, value in wanted.items() if value != getattr(key, field)}
    expires_at = changed.get("expires_at")
    if expires_at is not None and expires_at <= now:
        return _EXPIRES_IN_THE_PAST
    # A vendor that the key names already may have been suspended since.
    if refusal := _refuse_unknown(changed.get("vendor_ids"), {*approved_vendors, *(key.vendor_ids or ())}):
        return refusal
    return tuple(_record_change(key, field, value, now) for field, value in changed.items())


def _record_change(key: ActiveSubscriberKey, field: str, value: Any, now: datetime) -> SubscriberKeyEvent:
    fields = {field: value}
    if field == "expires_at":
        fields["reminders"] = _set_reminders(value, now)
    return _CHANGES[field](key_id=key.key_id, account_id=key.account_id, **fields)


def _refuse_unknown(named: Iterable[VendorId] | None, known: Collection[VendorId]) -> Refusal | None:
    unknown = [each for each in named or () if each not in known]
    if not unknown:
        return None
    shown = [each if each.startswith(VENDOR_PREFIX) else REDACTED for each in unknown]
    return invalid("unknown-vendors", f"No approved vendors: {', '.join(shown)}.")


def _set_reminders(expires_at: datetime | None, now: datetime) -> tuple[datetime, ...]:
    """Return when to remind. Whoever sets an expiry a week ahead needs no reminder of 14 days before."""
    if expires_at is None:
        return ()
    return tuple(expires_at - before for before in REMINDED_BEFORE if expires_at - before > now)


def _rotate(
    command: RotateSubscriberKey, key: ActiveSubscriberKey, now: datetime
) -> tuple[SubscriberKeyEvent, ...]:
    return (
        SubscriberKeyRotated(
            key_id=key.key_id,
            account_id=key.account_id,
            digest=command.digest,
            secret_hint=command.secret_hint,
            rotated_at=now,
            overlap_ends_at=overlap_end(now, command.overlap),
        ),
    )


def _revoke(key: ActiveSubscriberKey, now: datetime) -> SubscriberKeyRevoked:
    return SubscriberKeyRevoked(key_id=key.key_id, account_id=key.account_id, revoked_at=now)


def _find_due(key: ActiveSubscriberKey, now: datetime) -> list[SubscriberKeyEvent]:
    key_id, account_id = key.key_id, key.account_id
    due: list[SubscriberKeyEvent] = []
    if key.outgoing is not None and not key.outgoing.works(now):
        due.append(
            SubscriberKeyOverlapEnded(key_id=key_id, account_id=account_id, ended_at=key.outgoing.works_until)
        )
    if key.expires_at is not None and key.reminders and key.reminders[0] <= now:
        due.append(
            SubscriberKeyExpiryNear(
                key_id=key_id, account_id=account_id, expires_at=key.expires_at, reminded_at=now
            )
        )
    return due
