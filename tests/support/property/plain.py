"""Aggregates of the domain as the naive model writes them."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor, Verdict
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, VendorKey
from keyfold.domain.secret import OutgoingSecret
from tests.support.property.model import Model
from tests.support.property.plain_keys import FOR_EVER

_KEPT_WHEN_REVOKED = ("owner", "revoked", "name", "secrets", "old")


def plain_state(state: State) -> dict[str, Mapping[str, Any]]:
    """Return all of a state as the model has it."""
    keys = {key_id: state.subscriber_key(key_id) for key_id in state.keys}
    vendor_keys = {key_id: state.vendor_key(key_id) for key_id in state.keys}
    return {
        "accounts": {account_id: held.integrations_enabled for account_id, held in state.accounts.items()},
        "vendors": {vendor_id: _vendor(held) for vendor_id, held in state.vendors.items()},
        "keys": {key_id: _subscriber_key(key) for key_id, key in keys.items() if key is not None},
        "vendor_keys": {key_id: _vendor_key(key) for key_id, key in vendor_keys.items() if key is not None},
    }


def plain_model(model: Model) -> dict[str, Mapping[str, Any]]:
    """Return all of the model that a state has: of a revoked key only what its use is attributed by."""
    return {
        "accounts": model.accounts,
        "vendors": {
            vendor: {field: known[field] for field in ("state", "said", "applicant", "reviews")}
            for vendor, known in model.vendors.items()
        },
        "keys": {
            key: {field: known[field] for field in _KEPT_WHEN_REVOKED} if known["revoked"] else known
            for key, known in model.keys.items()
        },
        "vendor_keys": model.vendor_keys,
    }


def _vendor(held: Vendor) -> dict[str, Any]:
    return {
        "state": held.state.value,
        "said": asdict(held.application),
        "applicant": held.applicant,
        "reviews": {
            kind.value: (review.verdict is Verdict.PASS, review.lapses_at)
            for kind, review in held.standing().items()
        },
    }


def _vendor_key(key: VendorKey) -> dict[str, Any]:
    is_active = isinstance(key, ActiveVendorKey)
    secrets = _secrets(key.digest, key.outgoing if isinstance(key, ActiveVendorKey) else None)
    old = list(map(int.from_bytes, key.replaced))
    return {"owner": key.vendor_id, "revoked": not is_active, "secrets": secrets, "old": old}


def _subscriber_key(key: SubscriberKey) -> dict[str, Any]:
    old = list(map(int.from_bytes, key.replaced))
    if not isinstance(key, ActiveSubscriberKey):
        secrets = _secrets(key.digest, None)
        return {"owner": key.account_id, "revoked": True, "name": key.name, "secrets": secrets, "old": old}
    return {
        "owner": key.account_id,
        "revoked": False,
        "name": key.name,
        "words": key.permissions.as_words(),
        "vendors": key.vendor_ids,
        "networks": None if key.networks is None else tuple(map(str, key.networks)),
        "limit": None if key.rate_limit is None else str(key.rate_limit),
        "expires_at": key.expires_at,
        "to_remind": list(key.reminders),
        "secrets": _secrets(key.digest, key.outgoing),
        "old": old,
    }


def _secrets(digest: bytes, outgoing: OutgoingSecret | None) -> dict[int, Any]:
    secrets = {int.from_bytes(digest[4:]): FOR_EVER}
    if outgoing is not None:
        secrets[int.from_bytes(outgoing.digest[4:])] = outgoing.works_until
    return secrets
