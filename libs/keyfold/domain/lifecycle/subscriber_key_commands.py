"""What may be asked of a subscriber key, and what comes of it: made, edited, rotated, revoked."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

from msgspec import Struct

from keyfold.domain.ids import KeyId, VendorId
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.deadlines import PassTime
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
from keyfold.domain.refusal import Refusal, conflict, invalid, not_found
from keyfold.domain.secret import overlap_end

REMINDED_BEFORE = (timedelta(days=14), timedelta(days=3))
"""How long before a key expires its owner is told."""


class Unset(Enum):
    """The mark of a field that an edit leaves alone, where None is a value of its own."""

    UNSET = "unset"


UNSET = Unset.UNSET


class CreateSubscriberKey(Struct, frozen=True, kw_only=True, gc=False):
    """Make a key for the account. `digest` is the SHA-256 of the secret, which the domain never sees.

    `live_keys` counts the account's keys that are not revoked, of which there may be `live_keys_max`.
    """

    key_id: KeyId
    name: str
    permissions: Permissions
    vendor_ids: tuple[VendorId, ...] | None
    networks: tuple[Network, ...] | None
    rate_limit: RateLimit | None
    expires_at: datetime | None
    digest: bytes
    secret_hint: str
    created_at: datetime
    live_keys: int
    live_keys_max: int


class EditSubscriberKey(Struct, frozen=True, kw_only=True, gc=False):
    """Change what is named and leave the rest; in `permissions` too, only the categories named change."""

    at: datetime
    name: str | Unset = UNSET
    permissions: Mapping[Category, Access] | Unset = UNSET
    vendor_ids: tuple[VendorId, ...] | Unset | None = UNSET
    networks: tuple[Network, ...] | Unset | None = UNSET
    rate_limit: RateLimit | Unset | None = UNSET
    expires_at: datetime | Unset | None = UNSET


class RotateSubscriberKey(Struct, frozen=True, kw_only=True, gc=False):
    """Put a new secret in the old one's place, which works on for `overlap` beside it."""

    digest: bytes
    secret_hint: str
    rotated_at: datetime
    overlap: timedelta


class RevokeSubscriberKey(Struct, frozen=True, kw_only=True, gc=False):
    """Stop the key for ever."""

    revoked_at: datetime


SubscriberKeyCommand = (
    CreateSubscriberKey | EditSubscriberKey | RotateSubscriberKey | RevokeSubscriberKey | PassTime
)


def decide(
    command: SubscriberKeyCommand, key: SubscriberKey | None, account: Account | None
) -> tuple[SubscriberKeyEvent, ...] | Refusal:
    """Return the events that the command makes of this key, none when nothing would change."""
    if account is None:
        return not_found("account")
    if key is not None and key.account_id != account.account_id:
        return not_found("key")
    match command, key:
        case CreateSubscriberKey(), None:
            return _create(command, account)
        case CreateSubscriberKey(), _:
            return conflict("key-exists", "A key with this id exists already.")
        case EditSubscriberKey(), ActiveSubscriberKey():
            return _edit(command, key)
        case RotateSubscriberKey(), ActiveSubscriberKey():
            return _rotate(command, key)
        case RevokeSubscriberKey(), ActiveSubscriberKey():
            return _revoke(command, key)
        case PassTime(), ActiveSubscriberKey():
            return tuple(_due(command.at, key))
        case EditSubscriberKey() | RotateSubscriberKey(), RevokedSubscriberKey():
            return _REVOKED
        case RevokeSubscriberKey() | PassTime(), RevokedSubscriberKey():
            return ()
    return not_found("key")


_REVOKED = conflict(
    "key-revoked", "The key is revoked, for ever: it cannot be edited, rotated or revived. Create another."
)
_EXPIRES_IN_THE_PAST = invalid(
    "expires-in-the-past", "`expires_at` must lie in the future; to stop a key now, revoke it."
)


def _create(command: CreateSubscriberKey, account: Account) -> tuple[SubscriberKeyEvent, ...] | Refusal:
    if command.expires_at is not None and command.expires_at <= command.created_at:
        return _EXPIRES_IN_THE_PAST
    if command.live_keys >= command.live_keys_max:
        return conflict(
            "too-many-keys",
            f"The account has {command.live_keys} live keys, and {command.live_keys_max} is the most. "
            "Revoke one that is no longer used.",
        )
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
            reminders=_reminders(command.expires_at, command.created_at),
            digest=command.digest,
            secret_hint=command.secret_hint,
            created_at=command.created_at,
        ),
    )


def _edit(command: EditSubscriberKey, key: ActiveSubscriberKey) -> tuple[SubscriberKeyEvent, ...] | Refusal:
    key_id, account_id = key.key_id, key.account_id
    events: list[SubscriberKeyEvent] = []
    if command.name is not UNSET and command.name != key.name:
        events.append(SubscriberKeyRenamed(key_id=key_id, account_id=account_id, name=command.name))
    if command.permissions is not UNSET:
        permissions = key.permissions.changed(command.permissions)
        if permissions != key.permissions:
            events.append(
                SubscriberKeyPermissionsChanged(key_id=key_id, account_id=account_id, permissions=permissions)
            )
    if command.vendor_ids is not UNSET and command.vendor_ids != key.vendor_ids:
        events.append(
            SubscriberKeyVendorsChanged(key_id=key_id, account_id=account_id, vendor_ids=command.vendor_ids)
        )
    if command.networks is not UNSET and command.networks != key.networks:
        events.append(
            SubscriberKeyNetworksChanged(key_id=key_id, account_id=account_id, networks=command.networks)
        )
    if command.rate_limit is not UNSET and command.rate_limit != key.rate_limit:
        events.append(
            SubscriberKeyRateLimitChanged(key_id=key_id, account_id=account_id, rate_limit=command.rate_limit)
        )
    if command.expires_at is not UNSET and command.expires_at != key.expires_at:
        if command.expires_at is not None and command.expires_at <= command.at:
            return _EXPIRES_IN_THE_PAST
        events.append(_expiry_changed(key, command.expires_at, command.at))
    return tuple(events)


def _expiry_changed(
    key: ActiveSubscriberKey, expires_at: datetime | None, at: datetime
) -> SubscriberKeyExpiryChanged:
    return SubscriberKeyExpiryChanged(
        key_id=key.key_id,
        account_id=key.account_id,
        expires_at=expires_at,
        reminders=_reminders(expires_at, at),
    )


def _reminders(expires_at: datetime | None, now: datetime) -> tuple[datetime, ...]:
    """Return when to remind: whoever sets an expiry a week ahead knows that it is less than 14 days."""
    if expires_at is None:
        return ()
    return tuple(expires_at - before for before in REMINDED_BEFORE if expires_at - before > now)


def _rotate(command: RotateSubscriberKey, key: ActiveSubscriberKey) -> tuple[SubscriberKeyEvent, ...]:
    return (
        SubscriberKeyRotated(
            key_id=key.key_id,
            account_id=key.account_id,
            digest=command.digest,
            secret_hint=command.secret_hint,
            rotated_at=command.rotated_at,
            overlap_ends_at=overlap_end(command.rotated_at, command.overlap),
        ),
    )


def _revoke(command: RevokeSubscriberKey, key: ActiveSubscriberKey) -> tuple[SubscriberKeyEvent, ...]:
    return (
        SubscriberKeyRevoked(key_id=key.key_id, account_id=key.account_id, revoked_at=command.revoked_at),
    )


def _due(at: datetime, key: ActiveSubscriberKey) -> list[SubscriberKeyEvent]:
    key_id, account_id = key.key_id, key.account_id
    due: list[SubscriberKeyEvent] = []
    if key.outgoing is not None and not key.outgoing.works(at):
        due.append(
            SubscriberKeyOverlapEnded(key_id=key_id, account_id=account_id, ended_at=key.outgoing.works_until)
        )
    if key.expires_at is not None and key.reminders and key.reminders[0] <= at:
        due.append(
            SubscriberKeyExpiryNear(
                key_id=key_id, account_id=account_id, expires_at=key.expires_at, reminded_at=at
            )
        )
    return due
