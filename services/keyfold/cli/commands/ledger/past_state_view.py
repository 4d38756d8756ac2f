"""What is told of accounts, vendors and keys as they were; of a secret its hint, and no digest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from keyfold.cli.commands.ledger.past_state import PastState
from keyfold.cli.screen import Details, Value, plain, state_of, when
from keyfold.client.http import JsonObject
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.keys import Key
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey
from keyfold.domain.lifecycle.vendor import Review, Vendor
from keyfold.resources.keys import key_fields
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
                lines = {name.replace("_", " "): _format_field(name, value) for name, value in each.items()}
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
        "subscriber_keys": [_key(key, at) for key in of_subscribers],
        "vendor_keys": [_key(key, at) for key in of_vendors],
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


def _key(key: Key, at: datetime) -> JsonObject:
    return {name: _plain(value) for name, value in key_fields(key, at).items()}


def _plain(value: object) -> object:
    match value:
        case datetime():
            return format_time(value)
        case dict():
            return {str(name): each for name, each in value.items()}
        case _:
            return value


def _counted(items: list[JsonObject]) -> str:
    states = Counter(str(item["state"]) for item in items if "state" in item)
    by_state = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"{len(items)} ({by_state})" if by_state else str(len(items))


def _format_field(name: str, value: object) -> Value:
    return state_of(str(value)) if name == "state" else plain(value)
