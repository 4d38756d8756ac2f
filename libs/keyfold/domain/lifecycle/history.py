"""History in an owner's words: what an event did, and each field before and after it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.aggregates import EVENT_TYPES
from keyfold.domain.lifecycle.fold import Aggregate, LifecycleEvent
from keyfold.domain.lifecycle.identity.invitation import Invitation
from keyfold.domain.lifecycle.identity.login import BoundLogin, EndedLogin
from keyfold.domain.lifecycle.keys import Key, public_fields
from keyfold.domain.lifecycle.signatures.seal_key import SealKey
from keyfold.domain.lifecycle.signatures.signed_head import LedgerCheckpoint
from keyfold.domain.lifecycle.subscriber_key import RevokedSubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor, VendorRejected, VendorSuspended
from keyfold.domain.lifecycle.vendor_key import RevokedVendorKey
from keyfold.domain.permissions import Permissions
from keyfold.domain.rate_limit import RateLimit

_REVOKED: Final = (RevokedSubscriberKey, RevokedVendorKey)
_KEY_FIELDS_IN_THE_ENTRY: Final = frozenset({"key_id", "account_id", "vendor_id", "created_at", "revoked_at"})
"""What an entry says anyway: whose event it is, and when it happened."""

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


def describe(before: Aggregate | None, event: LifecycleEvent, after: Aggregate) -> HistoryEntry:
    """Return what an event did to the aggregate that it turned from `before` into `after`."""
    was = {} if before is None else _view(before)
    now = _view(after)
    # A revoked key's terms are over, and not changed: that it names no vendor lets nobody in.
    is_over = isinstance(after, _REVOKED)
    fields = dict.fromkeys(now if is_over else (*was, *now))
    return HistoryEntry(
        summary=EVENT_TYPES[type(event)].summary,
        reason=event.reason if isinstance(event, VendorRejected | VendorSuspended) else None,
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
        case BoundLogin(issuer=issuer, subject=subject):
            return {"state": "bound", "issuer": issuer, "subject": subject}
        case EndedLogin():
            return {"state": "ended"}
        case Invitation():
            return _invitation_view(aggregate)
        case LedgerCheckpoint():
            return {"position": str(aggregate.position), "head_hash": aggregate.head_hash.hex()}
        case SealKey():
            return {"public_key": aggregate.public_key.hex()}
        case _:
            return _key_view(aggregate)


def _key_view(key: Key) -> Mapping[str, Value]:
    # That a key expires comes by itself, and no event says so: here it stands as its events left it.
    view: dict[str, Value] = {"state": "revoked" if isinstance(key, _REVOKED) else "active"}
    for name, value in public_fields(key).items():
        if isinstance(value, Permissions):
            view |= {f"permissions.{category}": word for category, word in value.as_words().items()}
        elif name not in _KEY_FIELDS_IN_THE_ENTRY:
            view[name] = _in_words(value)
    return view


def _in_words(value: object) -> Value:
    match value:
        case RateLimit():
            return f"{value.requests} requests in {value.per_s} s, {value.burst} at once"
        case tuple():
            return tuple(map(str, value))
        case None | str() | datetime():
            return value
    raise TypeError(f"history has no words for {type(value).__name__}")


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
