"""Aggregates as rows of the read model and back, without loss: the only place that knows both shapes."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.deadlines import due_at
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor import (
    Review,
    ReviewKind,
    Vendor,
    VendorApplication,
    VendorState,
    Verdict,
)
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, RevokedVendorKey, VendorKey
from keyfold.domain.network import Network, parse_network
from keyfold.domain.permissions import CATEGORIES, Access, Category, Permissions
from keyfold.domain.rate_limit import RateLimit
from keyfold.domain.secret import OutgoingSecret
from keyfold.wire.keys.packed_key import pack_key, read_replaced
from keyfold.wire.timestamp import format_time, parse_time

# The shape of the tables and of what stands in them; raise it with every change to either, and the read
# model is built anew.
SHAPE = 6

SUBSCRIBER = "subscriber"
VENDOR = "vendor"

Row = Mapping[str, Any]
"""One row by column name. JSON columns are text, times are aware datetimes in UTC."""


def account_row(account: Account) -> Row:
    """Return the columns that an account fills."""
    return {
        "account_id": account.account_id,
        "name": account.name,
        "integrations_enabled": account.integrations_enabled,
    }


def read_account(row: Row) -> Account:
    """Return the account that a row holds."""
    return Account(
        account_id=row["account_id"],
        name=row["name"],
        integrations_enabled=row["integrations_enabled"],
    )


def vendor_row(vendor: Vendor) -> Row:
    """Return the columns that a vendor fills; its reviews and categories are JSON."""
    said = vendor.application
    return {
        "vendor_id": vendor.vendor_id,
        "name": said.name,
        "contact_email": said.contact_email,
        "website": said.website,
        "intended_use": said.intended_use,
        "categories": _json([category.value for category in said.categories]),
        "applicant": vendor.applicant,
        "state": vendor.state.value,
        "reason": vendor.reason,
        "reviews": _json([_review_json(review) for review in vendor.reviews]),
        "reviews_void": vendor.reviews_void,
        "warned_lapse_at": vendor.warned_lapse_at,
        "due_at": due_at(vendor),
    }


def read_vendor(row: Row) -> Vendor:
    """Return the vendor that a row holds."""
    return Vendor(
        vendor_id=row["vendor_id"],
        application=VendorApplication(
            name=row["name"],
            contact_email=row["contact_email"],
            website=row["website"],
            intended_use=row["intended_use"],
            categories=tuple(Category(word) for word in orjson.loads(row["categories"])),
        ),
        applicant=row["applicant"],
        state=VendorState(row["state"]),
        reviews=tuple(_read_review(review) for review in orjson.loads(row["reviews"])),
        reviews_void=row["reviews_void"],
        warned_lapse_at=row["warned_lapse_at"],
        reason=row["reason"],
    )


def key_row(key: SubscriberKey | VendorKey) -> Row:
    """Return the columns that a key fills; those that its kind or phase does not have are null.

    `packed` holds all of it once more, for whoever loads a million of them.
    """
    return {**_key_columns(key), "packed": pack_key(key)}


def _key_columns(key: SubscriberKey | VendorKey) -> Row:
    match key:
        case ActiveSubscriberKey():
            return {**_subscriber_row(key), **_grants_row(key), **_outgoing_row(key)}
        case RevokedSubscriberKey():
            return {**_subscriber_row(key), "revoked_at": key.revoked_at}
        case ActiveVendorKey():
            return {**_vendor_key_row(key), **_outgoing_row(key)}
        case RevokedVendorKey():
            return {**_vendor_key_row(key), "revoked_at": key.revoked_at}


def read_key(row: Row) -> SubscriberKey | VendorKey:
    """Return the key that a row holds, of whichever kind."""
    return read_subscriber_key(row) if row["kind"] == SUBSCRIBER else read_vendor_key(row)


def read_subscriber_key(row: Row) -> SubscriberKey:
    """Return the subscriber key that a row holds."""
    if row["revoked_at"] is not None:
        return RevokedSubscriberKey(
            key_id=row["key_id"],
            account_id=row["account_id"],
            name=row["name"],
            digest=row["digest"],
            secret_hint=row["secret_hint"],
            created_at=row["minted_at"],
            revoked_at=row["revoked_at"],
            replaced=read_replaced(row["replaced"]),
        )
    return ActiveSubscriberKey(
        key_id=row["key_id"],
        account_id=row["account_id"],
        name=row["name"],
        permissions=_read_permissions(row["permissions"]),
        vendor_ids=_read_vendor_ids(row["vendor_ids"]),
        networks=_read_networks(row["networks"]),
        rate_limit=_read_rate_limit(row["rate_limit"]),
        expires_at=row["expires_at"],
        reminders=_read_instants(row["reminders"]),
        digest=row["digest"],
        secret_hint=row["secret_hint"],
        outgoing=_read_outgoing(row),
        created_at=row["minted_at"],
        replaced=read_replaced(row["replaced"]),
    )


def read_vendor_key(row: Row) -> VendorKey:
    """Return the vendor key that a row holds."""
    if row["revoked_at"] is not None:
        return RevokedVendorKey(
            key_id=row["key_id"],
            vendor_id=row["vendor_id"],
            digest=row["digest"],
            secret_hint=row["secret_hint"],
            issued_at=row["minted_at"],
            revoked_at=row["revoked_at"],
            replaced=read_replaced(row["replaced"]),
        )
    return ActiveVendorKey(
        key_id=row["key_id"],
        vendor_id=row["vendor_id"],
        digest=row["digest"],
        secret_hint=row["secret_hint"],
        outgoing=_read_outgoing(row),
        issued_at=row["minted_at"],
        replaced=read_replaced(row["replaced"]),
    )


_NO_KEY = dict.fromkeys(
    (
        "account_id",
        "vendor_id",
        "name",
        "permissions",
        "vendor_ids",
        "networks",
        "rate_limit",
        "expires_at",
        "reminders",
        "outgoing_digest",
        "outgoing_hint",
        "outgoing_until",
        "revoked_at",
        "due_at",
    )
)


def _subscriber_row(key: SubscriberKey) -> Row:
    named = {"kind": SUBSCRIBER, "account_id": key.account_id, "name": key.name}
    return {**_NO_KEY, **_secrets_row(key), **named, "minted_at": key.created_at}


def _vendor_key_row(key: VendorKey) -> Row:
    named = {"kind": VENDOR, "vendor_id": key.vendor_id}
    return {**_NO_KEY, **_secrets_row(key), **named, "minted_at": key.issued_at}


def _secrets_row(key: SubscriberKey | VendorKey) -> Row:
    return {
        "key_id": key.key_id,
        "digest": key.digest,
        "secret_hint": key.secret_hint,
        "replaced": b"".join(key.replaced),
    }


def _grants_row(key: ActiveSubscriberKey) -> Row:
    return {
        "permissions": _permissions_json(key.permissions),
        "vendor_ids": None if key.vendor_ids is None else _json(key.vendor_ids),
        "networks": None if key.networks is None else _json([str(network) for network in key.networks]),
        "rate_limit": None if key.rate_limit is None else str(key.rate_limit),
        "expires_at": key.expires_at,
        "reminders": _json([format_time(at) for at in key.reminders]),
    }


def _outgoing_row(key: ActiveSubscriberKey | ActiveVendorKey) -> Row:
    outgoing = key.outgoing
    return {
        "outgoing_digest": outgoing and outgoing.digest,
        "outgoing_hint": outgoing and outgoing.secret_hint,
        "outgoing_until": outgoing and outgoing.works_until,
        "due_at": due_at(key),
    }


def _read_outgoing(row: Row) -> OutgoingSecret | None:
    if row["outgoing_until"] is None:
        return None
    return OutgoingSecret(
        digest=row["outgoing_digest"],
        secret_hint=row["outgoing_hint"],
        works_until=row["outgoing_until"],
    )


def _review_json(review: Review) -> dict[str, str]:
    return {
        "kind": review.kind.value,
        "verdict": review.verdict.value,
        "notes": review.notes,
        "reviewer": review.reviewer,
        "reviewed_at": format_time(review.reviewed_at),
        "lapses_at": format_time(review.lapses_at),
        "warn_at": format_time(review.warn_at),
    }


def _read_review(review: Mapping[str, str]) -> Review:
    return Review(
        kind=ReviewKind(review["kind"]),
        verdict=Verdict(review["verdict"]),
        notes=review["notes"],
        reviewer=review["reviewer"],
        reviewed_at=parse_time(review["reviewed_at"]),
        lapses_at=parse_time(review["lapses_at"]),
        warn_at=parse_time(review["warn_at"]),
    )


# A million keys share a handful of permissions; the caches save the parsing and, on loading, the memory.
@lru_cache(maxsize=4096)
def _permissions_json(permissions: Permissions) -> str:
    return _json(permissions.as_words())


@lru_cache(maxsize=4096)
def _read_permissions(text: str) -> Permissions:
    words = orjson.loads(text)
    return Permissions(tuple(Access.of(words[category]) for category in CATEGORIES))


@lru_cache(maxsize=4096)
def _read_vendor_ids(text: str | None) -> tuple[VendorId, ...] | None:
    return None if text is None else tuple(VendorId(vendor_id) for vendor_id in orjson.loads(text))


@lru_cache(maxsize=4096)
def _read_networks(text: str | None) -> tuple[Network, ...] | None:
    return None if text is None else tuple(parse_network(network) for network in orjson.loads(text))


@lru_cache(maxsize=4096)
def _read_rate_limit(text: str | None) -> RateLimit | None:
    return None if text is None else RateLimit.parse(text)


def _read_instants(text: str) -> tuple[datetime, ...]:
    return tuple(parse_time(instant) for instant in orjson.loads(text))


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
