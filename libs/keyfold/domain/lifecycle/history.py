"""History in an owner's words: what an event did, and each field before and after it."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from keyfold.domain.lifecycle import account, invitation, login, subscriber_key, vendor, vendor_key
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.fold import Aggregate, LifecycleEvent
from keyfold.domain.lifecycle.invitation import Invitation
from keyfold.domain.lifecycle.login import BoundLogin, EndedLogin
from keyfold.domain.lifecycle.signed_head import LedgerCheckpoint, LedgerCheckpointed
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, RevokedVendorKey
from keyfold.domain.rate_limit import RateLimit
from keyfold.domain.secret import OutgoingSecret

Value = str | bool | datetime | tuple[str, ...] | None


class Difference(Struct, frozen=True, kw_only=True, gc=False):
    """One field, such as `permissions.clinical`, as it was and as it is; None where it was or is nothing."""

    field: str
    before: Value
    after: Value


class HistoryEntry(Struct, frozen=True, kw_only=True, gc=False):
    """What an event did, in a short sentence, why where somebody said so, and the fields it changed."""

    summary: str
    reason: str | None
    changes: tuple[Difference, ...]


SUMMARIES: Mapping[type[LifecycleEvent], str] = {
    account.AccountCreated: "Account opened",
    account.IntegrationsEnabled: "API integrations turned on",
    account.IntegrationsDisabled: "API integrations turned off; every key stopped",
    subscriber_key.SubscriberKeyCreated: "Key created",
    subscriber_key.SubscriberKeyRenamed: "Key renamed",
    subscriber_key.SubscriberKeyPermissionsChanged: "Permissions changed",
    subscriber_key.SubscriberKeyVendorsChanged: "Integrations that may use the key changed",
    subscriber_key.SubscriberKeyNetworksChanged: "Networks that the key works from changed",
    subscriber_key.SubscriberKeyRateLimitChanged: "How often the key may be used changed",
    subscriber_key.SubscriberKeyExpiryChanged: "Expiry changed",
    subscriber_key.SubscriberKeyExpiryNear: "Reminder that the key expires",
    subscriber_key.SubscriberKeyRotated: "Secret replaced",
    subscriber_key.SubscriberKeyOverlapEnded: "The replaced secret stopped working",
    subscriber_key.SubscriberKeyRevoked: "Key revoked, for ever",
    vendor.VendorApplied: "Application made",
    vendor.VendorAmended: "Application amended",
    vendor.VendorReapplied: "Application made again",
    vendor.VendorReviewed: "Review recorded",
    vendor.VendorReviewsLapseNear: "Warning that a review lapses",
    vendor.VendorApproved: "Vendor approved",
    vendor.VendorRejected: "Application rejected",
    vendor.VendorSuspended: "Vendor suspended; every key of it stopped",
    vendor.VendorReinstated: "Vendor reinstated; its keys work again",
    vendor_key.VendorKeyIssued: "Vendor key issued",
    vendor_key.VendorKeyRotated: "Secret of the vendor key replaced",
    vendor_key.VendorKeyOverlapEnded: "The replaced secret of the vendor key stopped working",
    vendor_key.VendorKeyRevoked: "Vendor key revoked, for ever",
    login.LoginBound: "Login let in",
    login.LoginEnded: "Login shut out",
    invitation.InvitationMade: "Invitation made",
    invitation.InvitationUsed: "Invitation used",
    invitation.InvitationWithdrawn: "Invitation withdrawn",
    LedgerCheckpointed: "Ledger vouched for",
}
"""Every event's short sentence."""


def describe(before: Aggregate | None, event: LifecycleEvent, after: Aggregate) -> HistoryEntry:
    """Return what an event did to the aggregate that it turned from `before` into `after`."""
    was = {} if before is None else _view(before)
    now = _view(after)
    # A revoked key's terms are over, and not changed: that it names no vendor lets nobody in.
    is_over = isinstance(after, RevokedSubscriberKey | RevokedVendorKey)
    fields = dict.fromkeys(now if is_over else (*was, *now))
    return HistoryEntry(
        summary=SUMMARIES[type(event)],
        reason=event.reason if isinstance(event, vendor.VendorRejected | vendor.VendorSuspended) else None,
        changes=tuple(
            Difference(field=field, before=was.get(field), after=now.get(field))
            for field in fields
            if was.get(field) != now.get(field)
        ),
    )


def _view(aggregate: Aggregate) -> Mapping[str, Value]:
    """Return an aggregate as its owner may see it, flat: no digest, and no reviewer's notes."""
    match aggregate:
        case Account():
            return {"name": aggregate.name, "integrations_enabled": aggregate.integrations_enabled}
        case Vendor():
            return _vendor_view(aggregate)
        case ActiveSubscriberKey():
            return _subscriber_key_view(aggregate)
        case RevokedSubscriberKey():
            return {"state": "revoked", "name": aggregate.name, "secret_hint": aggregate.secret_hint}
        case ActiveVendorKey(secret_hint=hint, outgoing=old):
            return {"state": "active", "secret_hint": hint, "old_secret_works_until": _end_of(old)}
        case RevokedVendorKey(secret_hint=hint):
            return {"state": "revoked", "secret_hint": hint}
        case BoundLogin(issuer=issuer, subject=subject):
            return {"state": "bound", "issuer": issuer, "subject": subject}
        case EndedLogin():
            return {"state": "ended"}
        case Invitation():
            return _invitation_view(aggregate)
        case LedgerCheckpoint():
            return {"position": str(aggregate.position), "head_hash": aggregate.head_hash.hex()}


def _subscriber_key_view(key: ActiveSubscriberKey) -> Mapping[str, Value]:
    granted = {f"permissions.{name}": word for name, word in key.permissions.as_words().items()}
    return {
        "state": "active",
        "name": key.name,
        **granted,
        "vendor_ids": key.vendor_ids,
        "networks": None if key.networks is None else tuple(map(str, key.networks)),
        "rate_limit": _in_words(key.rate_limit),
        "expires_at": key.expires_at,
        "secret_hint": key.secret_hint,
        "old_secret_works_until": _end_of(key.outgoing),
    }


def _vendor_view(vendor: Vendor) -> Mapping[str, Value]:
    said = vendor.application
    verdicts = {f"reviews.{kind}": review.verdict.value for kind, review in vendor.standing().items()}
    return {
        "state": vendor.state.value,
        "name": said.name,
        "contact_email": said.contact_email,
        "website": said.website,
        "intended_use": said.intended_use,
        "categories": tuple(category.value for category in said.categories),
        **verdicts,
        "reviews_lapse_at": vendor.reviews_lapse_at(),
    }


def _invitation_view(invitation: Invitation) -> Mapping[str, Value]:
    # That it is over comes by itself, and no event says so: here it stands as its events left it.
    state = invitation.state(invitation.made_at)
    return {"state": state.value, "expires_at": invitation.expires_at, "used_by": invitation.used_by}


def _in_words(limit: RateLimit | None) -> str | None:
    if limit is None:
        return None
    return f"{limit.requests} requests in {limit.per_s} s, {limit.burst} at once"


def _end_of(outgoing: OutgoingSecret | None) -> datetime | None:
    return None if outgoing is None else outgoing.works_until
