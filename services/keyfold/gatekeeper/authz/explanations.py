"""What a vendor's developer reads when a request is denied: what is wrong, and how to put it right."""

from collections.abc import Mapping
from typing import Final

from keyfold.domain.access.decision import Reason
from keyfold.gatekeeper.authz.request.presented_keys import KeyHeaders


def write_explanations(names: KeyHeaders) -> Mapping[Reason, str]:
    """Return a sentence or two for each reason. They reveal no more to an outsider than the reason itself."""
    return {
        Reason.MISSING_VENDOR_KEY: f"The request has no vendor key. Send yours, kfv_…, in `{names.vendor}`.",
        Reason.MISSING_SUBSCRIBER_KEY: "The request has no subscriber key."
        f" Send the practice's, kfs_…, in `{names.subscriber}`.",
        Reason.MALFORMED_KEY: "A key is not in its form, or is there more than once."
        f" Send one whole key, kfv_…, in `{names.vendor}`, and one, kfs_…, in `{names.subscriber}`.",
        Reason.UNKNOWN_VENDOR_KEY: f"The vendor key in `{names.vendor}` is not one that works here.",
        Reason.UNKNOWN_SUBSCRIBER_KEY: f"The subscriber key in `{names.subscriber}` is not one that works"
        " here. Ask the practice for its key.",
        Reason.VENDOR_KEY_REPLACED: "This secret of the vendor key was replaced, and works no more."
        " Use the new one.",
        Reason.SUBSCRIBER_KEY_REPLACED: "The practice replaced this secret of its key, and it works no more."
        " Ask it for the new one.",
        Reason.VENDOR_KEY_REVOKED: "The vendor key was revoked, for ever."
        " Use your newer key, or ask the platform for one.",
        Reason.VENDOR_SUSPENDED: "The vendor is suspended, so none of its keys work."
        " Ask the platform's reviewers.",
        Reason.SUBSCRIBER_KEY_REVOKED: "The practice revoked this key, for ever. Ask it for another.",
        Reason.SUBSCRIBER_KEY_EXPIRED: "The subscriber key has expired. Ask the practice for another.",
        Reason.NETWORK_NOT_ALLOWED: "The practice lets this subscriber key be used from some networks alone,"
        " and the request comes from elsewhere. Ask it to add yours.",
        Reason.INTEGRATIONS_DISABLED: "The practice has turned API integrations off."
        " Its keys work again once it turns them on.",
        Reason.VENDOR_NOT_PERMITTED: "The practice lets only vendors that it names use this subscriber key,"
        " and you are not one of them. Ask it to add you.",
        Reason.AMBIGUOUS_REQUEST: "The request can be read in more than one way. Send a plain path: no empty"
        " or dot segments, nothing encoded that need not be, no `;`, and no header that overrides"
        " the method or the path.",
        Reason.UNMAPPED_ROUTE: "No data stands behind this path. Check the path.",
        Reason.CATEGORY_DENIED: "The subscriber key gives no access to this category of data."
        " Ask the practice to grant it.",
        Reason.READ_ONLY: "The subscriber key may read this category of data, not change it."
        " Ask the practice for write access.",
        Reason.STALE: "It cannot be told for certain whether the keys still work. Try again shortly.",
        Reason.RATE_LIMITED: "The subscriber key was used more often than it may be."
        " Send no more than `RateLimit-Policy` says, and come again after `Retry-After` seconds.",
    }


JOURNAL_UNAVAILABLE: Final = "The request cannot be recorded at present, so it is not let through. Try again."
