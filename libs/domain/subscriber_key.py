"""A subscriber key says whose data and how much of it: made, edited and revoked by the practice's owner."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from libs.domain.account import Account
from libs.domain.ids import AccountId, KeyId, VendorId
from libs.domain.permissions import Access, Category, Permissions
from libs.domain.refusal import ImpossibleEvent, Refusal, conflict, invalid, not_found


class Unset(Enum):
    """The mark of a field that an edit leaves alone, where None is a value of its own."""

    UNSET = "unset"


UNSET = Unset.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveSubscriberKey:
    """A subscriber key that works, until `expires_at` where there is one.

    `vendor_ids` names the only vendors that may use it, or is None for any approved vendor.
    """

    key_id: KeyId
    account_id: AccountId
    name: str
    permissions: Permissions
    vendor_ids: tuple[VendorId, ...] | None
    expires_at: datetime | None
    digest: bytes
    secret_hint: str
    created_at: datetime

    def is_expired(self, now: datetime) -> bool:
        """Tell whether the key no longer works: it stops at `expires_at` itself, without any event."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedSubscriberKey:
    """A subscriber key that never works again, and so has no permissions to misuse."""

    key_id: KeyId
    account_id: AccountId
    name: str
    digest: bytes
    secret_hint: str
    created_at: datetime
    revoked_at: datetime


SubscriberKey = ActiveSubscriberKey | RevokedSubscriberKey


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSubscriberKey:
    """Make a key for the account. `digest` is the SHA-256 of the secret, which the domain never sees."""

    key_id: KeyId
    name: str
    permissions: Permissions
    vendor_ids: tuple[VendorId, ...] | None
    expires_at: datetime | None
    digest: bytes
    secret_hint: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSubscriberKey:
    """Change what is named and leave the rest; in `permissions` too, only the categories named change."""

    at: datetime
    name: str | Unset = UNSET
    permissions: Mapping[Category, Access] | Unset = UNSET
    vendor_ids: tuple[VendorId, ...] | Unset | None = UNSET
    expires_at: datetime | Unset | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeSubscriberKey:
    """Stop the key for ever."""

    revoked_at: datetime


SubscriberKeyCommand = CreateSubscriberKey | EditSubscriberKey | RevokeSubscriberKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberKeyCreated:
    """The owner made a key."""

    key_id: KeyId
    account_id: AccountId
    name: str
    permissions: Permissions
    vendor_ids: tuple[VendorId, ...] | None
    expires_at: datetime | None
    digest: bytes
    secret_hint: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberKeyRenamed:
    """The key has another name."""

    key_id: KeyId
    account_id: AccountId
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberKeyPermissionsChanged:
    """The key's permissions are now these, all seven."""

    key_id: KeyId
    account_id: AccountId
    permissions: Permissions


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberKeyVendorsChanged:
    """The key works for these vendors alone, or for any approved one when there is no list."""

    key_id: KeyId
    account_id: AccountId
    vendor_ids: tuple[VendorId, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberKeyExpiryChanged:
    """The key stops at another instant, or never."""

    key_id: KeyId
    account_id: AccountId
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberKeyRevoked:
    """The key stopped for ever."""

    key_id: KeyId
    account_id: AccountId
    revoked_at: datetime


SubscriberKeyEvent = (
    SubscriberKeyCreated
    | SubscriberKeyRenamed
    | SubscriberKeyPermissionsChanged
    | SubscriberKeyVendorsChanged
    | SubscriberKeyExpiryChanged
    | SubscriberKeyRevoked
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
        case EditSubscriberKey(), RevokedSubscriberKey():
            return conflict(
                "key-revoked", "The key is revoked, for ever: it cannot be edited. Create another."
            )
        case RevokeSubscriberKey(revoked_at=revoked_at), ActiveSubscriberKey(key_id=key_id):
            return (
                SubscriberKeyRevoked(key_id=key_id, account_id=account.account_id, revoked_at=revoked_at),
            )
        case RevokeSubscriberKey(), RevokedSubscriberKey():
            return ()
    return not_found("key")


def _create(command: CreateSubscriberKey, account: Account) -> tuple[SubscriberKeyEvent, ...] | Refusal:
    if command.expires_at is not None and command.expires_at <= command.created_at:
        return _EXPIRES_IN_THE_PAST
    return (
        SubscriberKeyCreated(
            key_id=command.key_id,
            account_id=account.account_id,
            name=command.name,
            permissions=command.permissions,
            vendor_ids=command.vendor_ids,
            expires_at=command.expires_at,
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
    if command.expires_at is not UNSET and command.expires_at != key.expires_at:
        if command.expires_at is not None and command.expires_at <= command.at:
            return _EXPIRES_IN_THE_PAST
        events.append(
            SubscriberKeyExpiryChanged(key_id=key_id, account_id=account_id, expires_at=command.expires_at)
        )
    return tuple(events)


_EXPIRES_IN_THE_PAST = invalid(
    "expires-in-the-past", "`expires_at` must lie in the future; to stop a key now, revoke it."
)


def evolve(key: SubscriberKey | None, event: SubscriberKeyEvent) -> SubscriberKey:
    """Return the key after the event. Raises ImpossibleEvent for one that cannot follow."""
    if key is not None and (key.key_id, key.account_id) != (event.key_id, event.account_id):
        raise ImpossibleEvent(event, key)
    match event, key:
        case SubscriberKeyCreated(), None:
            return _created(event)
        case SubscriberKeyRenamed(name=name), ActiveSubscriberKey():
            return replace(key, name=name)
        case SubscriberKeyPermissionsChanged(permissions=permissions), ActiveSubscriberKey():
            return replace(key, permissions=permissions)
        case SubscriberKeyVendorsChanged(vendor_ids=vendor_ids), ActiveSubscriberKey():
            return replace(key, vendor_ids=vendor_ids)
        case SubscriberKeyExpiryChanged(expires_at=expires_at), ActiveSubscriberKey():
            return replace(key, expires_at=expires_at)
        case SubscriberKeyRevoked(revoked_at=revoked_at), ActiveSubscriberKey():
            return _revoked(key, revoked_at)
    raise ImpossibleEvent(event, key)


def _created(event: SubscriberKeyCreated) -> ActiveSubscriberKey:
    return ActiveSubscriberKey(
        key_id=event.key_id,
        account_id=event.account_id,
        name=event.name,
        permissions=event.permissions,
        vendor_ids=event.vendor_ids,
        expires_at=event.expires_at,
        digest=event.digest,
        secret_hint=event.secret_hint,
        created_at=event.created_at,
    )


def _revoked(key: ActiveSubscriberKey, revoked_at: datetime) -> RevokedSubscriberKey:
    return RevokedSubscriberKey(
        key_id=key.key_id,
        account_id=key.account_id,
        name=key.name,
        digest=key.digest,
        secret_hint=key.secret_hint,
        created_at=key.created_at,
        revoked_at=revoked_at,
    )
