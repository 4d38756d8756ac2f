"""What is told of accounts, vendors and keys as they were; of a secret its hint, and no digest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from msgspec.structs import asdict

from keyfold.cli.commands.ledger.past_state import PastState
from keyfold.cli.screen import Details, Value, state_of, when
from keyfold.client.http import JsonObject
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor import Review, Vendor
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, VendorKey
from keyfold.domain.secret import OutgoingSecret
from keyfold.wire.timestamp import format_time

KINDS: Final = {
    "account": ("accounts", "account_id"),
    "vendor": ("vendors", "vendor_id"),
    "subscriber key": ("subscriber_keys", "key_id"),
    "vendor key": ("vendor_keys", "key_id"),
}


def whole(past: PastState) -> Details:
    """Return all of it: counts on a terminal, everything as JSON."""
    item = _item(past)
    counts = {many.replace("_", " "): _counted(item[many]) for many, _ in KINDS.values()}
    return Details(lines={**_heading(past), **counts}, item=item)


def one(past: PastState, wanted: Iterable[str], wanted_id: str) -> Details | None:
    """Return the one thing of these kinds that has this id, None where there was none."""
    item = _item(past)
    for many, id_name in (KINDS[kind] for kind in wanted):
        for each in item[many]:
            if each[id_name] == wanted_id:
                lines = {name.replace("_", " "): _said(name, value) for name, value in each.items()}
                heading = {"position": item["position"], "at": item["at"]}
                return Details(lines={**_heading(past), **lines}, item={**heading, **each})
    return None


def _heading(past: PastState) -> Mapping[str, str]:
    return {"position": str(past.position), "at": when(format_time(past.at))}


def _item(past: PastState) -> JsonObject:
    state, at = past.state, past.at
    keys = state.keys.values()
    of_subscribers = [key for key in keys if isinstance(key, ActiveSubscriberKey | RevokedSubscriberKey)]
    of_vendors = [key for key in keys if not isinstance(key, ActiveSubscriberKey | RevokedSubscriberKey)]
    return {
        "position": past.position,
        "at": format_time(at),
        "accounts": [_account(account) for account in state.accounts.values()],
        "vendors": [_vendor(vendor) for vendor in state.vendors.values()],
        "subscriber_keys": [_subscriber_key(key, at) for key in of_subscribers],
        "vendor_keys": [_vendor_key(key, at) for key in of_vendors],
    }


def _account(account: Account) -> JsonObject:
    return {
        "account_id": account.account_id,
        "name": account.name,
        "integrations_enabled": account.integrations_enabled,
    }


def _vendor(vendor: Vendor) -> JsonObject:
    said = vendor.application
    return {
        "vendor_id": vendor.vendor_id,
        "state": vendor.state.value,
        "reason": vendor.reason,
        "name": said.name,
        "contact_email": said.contact_email,
        "website": said.website,
        "intended_use": said.intended_use,
        "categories": [category.value for category in said.categories],
        "applicant": vendor.applicant,
        "reviews": [
            _review(review, counts=number >= vendor.reviews_void)
            for number, review in enumerate(vendor.reviews)
        ],
    }


def _review(review: Review, *, counts: bool) -> JsonObject:
    return {
        "kind": review.kind.value,
        "verdict": review.verdict.value,
        "reviewer": review.reviewer,
        "notes": review.notes,
        "reviewed_at": format_time(review.reviewed_at),
        "lapses_at": format_time(review.lapses_at),
        "counts": counts,
    }


def _subscriber_key(key: SubscriberKey, at: datetime) -> JsonObject:
    told = {"key_id": key.key_id, "account_id": key.account_id, "name": key.name}
    if not isinstance(key, ActiveSubscriberKey):
        return {**told, "state": "revoked", **_revoked(key.secret_hint, key.created_at, key.revoked_at)}
    return {
        **told,
        "state": "expired" if key.is_expired(at) else "active",
        "permissions": dict(key.permissions.as_words()),
        "vendor_ids": None if key.vendor_ids is None else list(key.vendor_ids),
        "networks": None if key.networks is None else [str(network) for network in key.networks],
        "rate_limit": None if key.rate_limit is None else asdict(key.rate_limit),
        "expires_at": None if key.expires_at is None else format_time(key.expires_at),
        **_active(key.secret_hint, key.outgoing, key.created_at, at),
    }


def _vendor_key(key: VendorKey, at: datetime) -> JsonObject:
    told = {"key_id": key.key_id, "vendor_id": key.vendor_id}
    if not isinstance(key, ActiveVendorKey):
        return {**told, "state": "revoked", **_revoked(key.secret_hint, key.issued_at, key.revoked_at)}
    return {**told, "state": "active", **_active(key.secret_hint, key.outgoing, key.issued_at, at)}


def _active(hint: str, old: OutgoingSecret | None, created_at: datetime, at: datetime) -> JsonObject:
    return {
        "secret_hint": hint,
        "old_secret_works_until": format_time(old.works_until) if old and old.works(at) else None,
        "created_at": format_time(created_at),
    }


def _revoked(hint: str, created_at: datetime, revoked_at: datetime) -> JsonObject:
    return {
        "secret_hint": hint,
        "created_at": format_time(created_at),
        "revoked_at": format_time(revoked_at),
    }


def _counted(items: list[JsonObject]) -> str:
    states = Counter(str(item["state"]) for item in items if "state" in item)
    by_state = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"{len(items)} ({by_state})" if by_state else str(len(items))


def _said(name: str, value: object) -> Value:
    return state_of(str(value)) if name == "state" else _text(value)


def _text(value: object) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {word}" for name, word in value.items())
    if isinstance(value, list):
        return "; ".join(map(_text, value)) or "none"
    return str(value)
