"""What is answered for each reason of a denial: an HTTP status, and a sentence for the developer."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from keyfold.domain.access.decision import Reason


class DenialAnswer(NamedTuple):
    """A status, and what is wrong and how to mend it; `{vendor}` and `{subscriber}` stand for the headers.

    The sentence reveals no more to an outsider than the reason itself.
    """

    status: HTTPStatus
    explanation: str


DENIALS: Final[Mapping[Reason, DenialAnswer]] = {
    Reason.MISSING_VENDOR_KEY: DenialAnswer(
        HTTPStatus.UNAUTHORIZED,
        "The request has no vendor key. Send yours, kfv_…, in `{vendor}`.",
    ),
    Reason.MISSING_SUBSCRIBER_KEY: DenialAnswer(
        HTTPStatus.UNAUTHORIZED,
        "The request has no subscriber key. Send the practice's, kfs_…, in `{subscriber}`.",
    ),
    Reason.MALFORMED_KEY: DenialAnswer(
        HTTPStatus.UNAUTHORIZED,
        "A key is not in its form, or is there more than once. Send one whole key, kfv_…, in "
        "`{vendor}`, and one, kfs_…, in `{subscriber}`.",
    ),
    Reason.UNKNOWN_VENDOR_KEY: DenialAnswer(
        HTTPStatus.UNAUTHORIZED,
        "The vendor key in `{vendor}` is not one that works here.",
    ),
    Reason.UNKNOWN_SUBSCRIBER_KEY: DenialAnswer(
        HTTPStatus.UNAUTHORIZED,
        "The subscriber key in `{subscriber}` is not one that works here. Ask the practice for its key.",
    ),
    Reason.VENDOR_KEY_REPLACED: DenialAnswer(
        HTTPStatus.UNAUTHORIZED,
        "This secret of the vendor key was replaced, and works no more. Use the new one.",
    ),
    Reason.SUBSCRIBER_KEY_REPLACED: DenialAnswer(
        HTTPStatus.UNAUTHORIZED,
        "The practice replaced this secret of its key, and it works no more. Ask it for the new one.",
    ),
    Reason.VENDOR_KEY_REVOKED: DenialAnswer(
        HTTPStatus.UNAUTHORIZED,
        "The vendor key was revoked, for ever. Use your newer key, or ask the platform for one.",
    ),
    Reason.VENDOR_SUSPENDED: DenialAnswer(
        HTTPStatus.UNAUTHORIZED,
        "The vendor is suspended, so none of its keys work. Ask the platform's reviewers.",
    ),
    Reason.SUBSCRIBER_KEY_REVOKED: DenialAnswer(
        HTTPStatus.UNAUTHORIZED,
        "The practice revoked this key, for ever. Ask it for another.",
    ),
    Reason.SUBSCRIBER_KEY_EXPIRED: DenialAnswer(
        HTTPStatus.UNAUTHORIZED,
        "The subscriber key has expired. Ask the practice for another.",
    ),
    Reason.NETWORK_NOT_ALLOWED: DenialAnswer(
        HTTPStatus.FORBIDDEN,
        "The practice lets this subscriber key be used from some networks alone, and the request "
        "comes from elsewhere. Ask it to add yours.",
    ),
    Reason.INTEGRATIONS_DISABLED: DenialAnswer(
        HTTPStatus.FORBIDDEN,
        "The practice has turned API integrations off. Its keys work again once it turns them on.",
    ),
    Reason.VENDOR_NOT_PERMITTED: DenialAnswer(
        HTTPStatus.FORBIDDEN,
        "The practice lets only vendors that it names use this subscriber key, and you are not "
        "one of them. Ask it to add you.",
    ),
    Reason.AMBIGUOUS_REQUEST: DenialAnswer(
        HTTPStatus.FORBIDDEN,
        "The request can be read in more than one way. Send a plain path: no empty or dot "
        "segments, nothing encoded that need not be, no `;`, and no header that overrides the "
        "method or the path.",
    ),
    Reason.UNMAPPED_ROUTE: DenialAnswer(
        HTTPStatus.FORBIDDEN,
        "No data stands behind this path. Check the path.",
    ),
    Reason.CATEGORY_DENIED: DenialAnswer(
        HTTPStatus.FORBIDDEN,
        "The subscriber key gives no access to this category of data. Ask the practice to grant it.",
    ),
    Reason.READ_ONLY: DenialAnswer(
        HTTPStatus.FORBIDDEN,
        "The subscriber key may read this category of data, not change it. Ask the practice for "
        "write access.",
    ),
    Reason.STALE: DenialAnswer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "It cannot be told for certain whether the keys still work. Try again shortly.",
    ),
    Reason.RATE_LIMITED: DenialAnswer(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The subscriber key was used more often than it may be. Send no more than "
        "`RateLimit-Policy` says, and come again after `Retry-After` seconds.",
    ),
}
STATUSES: Final[Mapping[Reason | None, HTTPStatus]] = {
    None: HTTPStatus.OK,
    **{reason: answer.status for reason, answer in DENIALS.items()},
}
"""By the reason of a denial, None for an allow."""
JOURNAL_UNAVAILABLE: Final = "The request cannot be recorded at present, so it is not let through. Try again."
