"""A subscriber key says whose data and how much of it: what it is, what happens to it, and the fold."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.network import Network
from keyfold.domain.permissions import Permissions
from keyfold.domain.rate_limit import RateLimit
from keyfold.domain.refusal import ImpossibleEvent
from keyfold.domain.secret import OutgoingSecret, outgoing, replaced_after


class ActiveSubscriberKey(Struct, frozen=True, kw_only=True, gc=False):
    """A subscriber key that works, until `expires_at` where there is one.

    `vendor_ids` names the only vendors that may use it and `networks` the only places to use it from; None
    stands for any. Without a `rate_limit` the gatekeeper's own default holds. `digest` is the SHA-256 of its
    secret; `outgoing` the one before, while that still works.
    `reminders` are the instants, in order, at which the owner is yet to be told that it expires. `replaced`
    has the ends of the digests of all secrets before, that one too, newest first and as many as are kept.
    """

    key_id: KeyId
    account_id: AccountId
    name: str
    permissions: Permissions
    vendor_ids: tuple[VendorId, ...] | None
    networks: tuple[Network, ...] | None
    rate_limit: RateLimit | None
    expires_at: datetime | None
    reminders: tuple[datetime, ...]
    digest: bytes
    secret_hint: str
    outgoing: OutgoingSecret | None
    created_at: datetime
    replaced: tuple[bytes, ...] = ()

    def is_expired(self, now: datetime) -> bool:
        """Tell whether the key no longer works: it stops at `expires_at` itself, without any event."""
        return self.expires_at is not None and self.expires_at <= now


class RevokedSubscriberKey(Struct, frozen=True, kw_only=True, gc=False):
    """A subscriber key that never works again, and so has no permissions to misuse.

    `digest` and `replaced` stay so that the use of its secrets can be told and attributed.
    """

    key_id: KeyId
    account_id: AccountId
    name: str
    digest: bytes
    secret_hint: str
    created_at: datetime
    revoked_at: datetime
    replaced: tuple[bytes, ...] = ()


SubscriberKey = ActiveSubscriberKey | RevokedSubscriberKey


class ReplacedSubscriberSecret(Struct, frozen=True, gc=False):
    """What a secret stands for that a rotation replaced: the name of the key, and nothing to use."""

    key_id: KeyId
    account_id: AccountId


class SubscriberKeyCreated(Struct, frozen=True, kw_only=True, gc=False):
    """The owner made a key."""

    key_id: KeyId
    account_id: AccountId
    name: str
    permissions: Permissions
    vendor_ids: tuple[VendorId, ...] | None
    networks: tuple[Network, ...] | None
    rate_limit: RateLimit | None
    expires_at: datetime | None
    reminders: tuple[datetime, ...]
    digest: bytes
    secret_hint: str
    created_at: datetime


class SubscriberKeyRenamed(Struct, frozen=True, kw_only=True, gc=False):
    """The key has another name."""

    key_id: KeyId
    account_id: AccountId
    name: str


class SubscriberKeyPermissionsChanged(Struct, frozen=True, kw_only=True, gc=False):
    """The key's permissions are now these, all seven."""

    key_id: KeyId
    account_id: AccountId
    permissions: Permissions


class SubscriberKeyVendorsChanged(Struct, frozen=True, kw_only=True, gc=False):
    """The key works for these vendors alone, or for any approved one when there is no list."""

    key_id: KeyId
    account_id: AccountId
    vendor_ids: tuple[VendorId, ...] | None


class SubscriberKeyNetworksChanged(Struct, frozen=True, kw_only=True, gc=False):
    """The key works from these networks alone, or from anywhere when there is no list."""

    key_id: KeyId
    account_id: AccountId
    networks: tuple[Network, ...] | None


class SubscriberKeyRateLimitChanged(Struct, frozen=True, kw_only=True, gc=False):
    """The key may be used this often, or as often as the gatekeeper's default says when there is no limit."""

    key_id: KeyId
    account_id: AccountId
    rate_limit: RateLimit | None


class SubscriberKeyExpiryChanged(Struct, frozen=True, kw_only=True, gc=False):
    """The key stops at another instant, or never; `reminders` are the instants to tell its owner at."""

    key_id: KeyId
    account_id: AccountId
    expires_at: datetime | None
    reminders: tuple[datetime, ...]


class SubscriberKeyExpiryNear(Struct, frozen=True, kw_only=True, gc=False):
    """The owner is to be told that the key stops soon; this counts for every reminder due by then."""

    key_id: KeyId
    account_id: AccountId
    expires_at: datetime
    reminded_at: datetime


class SubscriberKeyRotated(Struct, frozen=True, kw_only=True, gc=False):
    """The key has a new secret; the one before works until `overlap_ends_at`, or no more if that is None."""

    key_id: KeyId
    account_id: AccountId
    digest: bytes
    secret_hint: str
    rotated_at: datetime
    overlap_ends_at: datetime | None


class SubscriberKeyOverlapEnded(Struct, frozen=True, kw_only=True, gc=False):
    """The secret before the last rotation has stopped working."""

    key_id: KeyId
    account_id: AccountId
    ended_at: datetime


class SubscriberKeyRevoked(Struct, frozen=True, kw_only=True, gc=False):
    """The key stopped for ever."""

    key_id: KeyId
    account_id: AccountId
    revoked_at: datetime


SubscriberKeyEvent = (
    SubscriberKeyCreated
    | SubscriberKeyRenamed
    | SubscriberKeyPermissionsChanged
    | SubscriberKeyVendorsChanged
    | SubscriberKeyNetworksChanged
    | SubscriberKeyRateLimitChanged
    | SubscriberKeyExpiryChanged
    | SubscriberKeyExpiryNear
    | SubscriberKeyRotated
    | SubscriberKeyOverlapEnded
    | SubscriberKeyRevoked
)


def evolve(key: SubscriberKey | None, event: SubscriberKeyEvent) -> SubscriberKey:
    """Return the key after the event. Raises ImpossibleEvent for one that cannot follow."""
    if key is None and isinstance(event, SubscriberKeyCreated):
        return _created(event)
    if not isinstance(key, ActiveSubscriberKey) or (key.key_id, key.account_id) != (
        event.key_id,
        event.account_id,
    ):
        raise ImpossibleEvent(event, key)
    match event:
        case SubscriberKeyRenamed(name=name):
            return replace(key, name=name)
        case SubscriberKeyPermissionsChanged(permissions=permissions):
            return replace(key, permissions=permissions)
        case SubscriberKeyVendorsChanged(vendor_ids=vendor_ids):
            return replace(key, vendor_ids=vendor_ids)
        case SubscriberKeyNetworksChanged(networks=networks):
            return replace(key, networks=networks)
        case SubscriberKeyRateLimitChanged(rate_limit=rate_limit):
            return replace(key, rate_limit=rate_limit)
        case SubscriberKeyExpiryChanged(expires_at=expires_at, reminders=reminders):
            return replace(key, expires_at=expires_at, reminders=reminders)
        case SubscriberKeyExpiryNear(reminded_at=reminded_at):
            return replace(key, reminders=tuple(at for at in key.reminders if at > reminded_at))
        case SubscriberKeyRotated():
            return _rotated(key, event)
        case SubscriberKeyOverlapEnded():
            return replace(key, outgoing=None)
        case SubscriberKeyRevoked(revoked_at=revoked_at):
            return _revoked(key, revoked_at)
    raise ImpossibleEvent(event, key)


def _created(event: SubscriberKeyCreated) -> ActiveSubscriberKey:
    return ActiveSubscriberKey(
        key_id=event.key_id,
        account_id=event.account_id,
        name=event.name,
        permissions=event.permissions,
        vendor_ids=event.vendor_ids,
        networks=event.networks,
        rate_limit=event.rate_limit,
        expires_at=event.expires_at,
        reminders=event.reminders,
        digest=event.digest,
        secret_hint=event.secret_hint,
        outgoing=None,
        created_at=event.created_at,
    )


def _rotated(key: ActiveSubscriberKey, event: SubscriberKeyRotated) -> ActiveSubscriberKey:
    return replace(
        key,
        digest=event.digest,
        secret_hint=event.secret_hint,
        outgoing=outgoing(key.digest, key.secret_hint, event.overlap_ends_at),
        replaced=replaced_after(key.digest, key.replaced),
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
        replaced=key.replaced,
    )
