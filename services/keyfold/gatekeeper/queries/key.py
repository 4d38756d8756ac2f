"""A key as a gatekeeper holds it, with what else a decision about it depends on."""

from datetime import datetime
from typing import Any, Literal

from keyfold.domain.lifecycle.keys import Key
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey
from keyfold.domain.lifecycle.vendor import VendorState
from keyfold.resources.keys import KeyFields, key_fields


class KeyView(KeyFields):
    """A key as this gatekeeper holds it at `position`; what a key of its kind or state does not have is null.

    A subscriber key works while its account's `integrations_enabled` holds, a vendor key while its
    `vendor_state` is approved. Of either, the secret before the last works until `old_secret_works_until`.
    """

    kind: Literal["subscriber", "vendor"]
    position: int
    account_id: str | None
    integrations_enabled: bool | None
    vendor_id: str | None
    vendor_state: VendorState | None


def view_of(key: Key, state: State, now: datetime, position: int) -> KeyView:
    """Return the view of a key of that state."""
    fields = {name: value for name, value in key_fields(key, now).items() if name in KeyView.model_fields}
    view = dict.fromkeys(KeyView.model_fields) | fields | _depends_on(key, state)
    return KeyView.model_validate({**view, "position": position})


def _depends_on(key: Key, state: State) -> dict[str, Any]:
    if isinstance(key, ActiveSubscriberKey | RevokedSubscriberKey):
        is_enabled = state.accounts[key.account_id].integrations_enabled
        return {"kind": "subscriber", "integrations_enabled": is_enabled}
    return {"kind": "vendor", "vendor_state": state.vendors[key.vendor_id].state}
