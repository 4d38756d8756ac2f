"""The reasons of refusals in words: what each means, what must be done, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OWNER: Final = "the practice's owner"
VENDOR: Final = "the integration's developer"
REVIEWER: Final = "the platform's reviewers"
OPERATOR: Final = "the platform's operators"


@dataclass(frozen=True, slots=True)
class ReasonText:
    """What a reason means, what must be done, and who can do it."""

    means: str
    remedy: str
    by: str


_REFUSALS: Final = {
    "missing_vendor_key": ReasonText("No vendor key was sent", "Send the vendor key in its header", VENDOR),
    "missing_subscriber_key": ReasonText(
        "No subscriber key was sent", "Send the practice's key in its header", VENDOR
    ),
    "malformed_key": ReasonText(
        "A key was sent that is none", "Copy the key anew, whole and without quotes", VENDOR
    ),
    "unknown_vendor_key": ReasonText(
        "The vendor key is not known", "Use a vendor key that was issued here", VENDOR
    ),
    "unknown_subscriber_key": ReasonText(
        "The practice's key is not known", "Ask the practice for a new key", VENDOR
    ),
    "vendor_key_replaced": ReasonText(
        "An old vendor secret was used", "Use the newest secret of the vendor key", VENDOR
    ),
    "subscriber_key_replaced": ReasonText(
        "An old secret of a key was used",
        "Give the integration the newest secret; if nobody should have the old one, look into it",
        OWNER,
    ),
    "vendor_key_revoked": ReasonText("The vendor key was revoked", "Use another vendor key", VENDOR),
    "vendor_suspended": ReasonText(
        "The integration is not approved now", "Wait until it is approved again", REVIEWER
    ),
    "subscriber_key_revoked": ReasonText(
        "The practice's key was revoked", "Create another key, if it is still wanted", OWNER
    ),
    "subscriber_key_expired": ReasonText(
        "The practice's key has expired", "Give the key a later end, or none", OWNER
    ),
    "network_not_allowed": ReasonText(
        "It came from a network that the key does not allow",
        "Add the network to the key, if it is right",
        OWNER,
    ),
    "integrations_disabled": ReasonText("API integrations are off", "Turn API integrations on", OWNER),
    "vendor_not_permitted": ReasonText(
        "The key is not for this integration", "Add the integration to the key", OWNER
    ),
    "ambiguous_request": ReasonText(
        "The address can be read in two ways",
        "Send a plain address, with nothing encoded that need not be",
        VENDOR,
    ),
    "unmapped_route": ReasonText(
        "The address belongs to no category of data", "Give the address a line in the route map", OPERATOR
    ),
    "category_denied": ReasonText(
        "The key has no access to this data", "Give the key access to the category, if it is right", OWNER
    ),
    "read_only": ReasonText(
        "The key may read this data and not change it", "Give the key write access, if it is right", OWNER
    ),
    "stale": ReasonText(
        "It could not be decided safely at that moment", "Send the request again a little later", VENDOR
    ),
    "rate_limited": ReasonText(
        "Too many requests at a time", "Send fewer at a time, and wait as long as the answer says", VENDOR
    ),
}


def refusal(reason: str) -> ReasonText:
    """Return a reason in words; one that this page does not know, by its own name."""
    return _REFUSALS.get(reason, ReasonText(reason, "Look at one of these requests", VENDOR))


def known_reasons() -> frozenset[str]:
    """Return the reasons that have words here."""
    return frozenset(_REFUSALS)
