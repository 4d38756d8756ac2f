"""The HTTP status of each decision, as a table that does not depend on the order of reasons."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from keyfold.domain.access.decision import Reason

STATUSES: Final[Mapping[Reason | None, HTTPStatus]] = {
    None: HTTPStatus.OK,
    Reason.MISSING_VENDOR_KEY: HTTPStatus.UNAUTHORIZED,
    Reason.MISSING_SUBSCRIBER_KEY: HTTPStatus.UNAUTHORIZED,
    Reason.MALFORMED_KEY: HTTPStatus.UNAUTHORIZED,
    Reason.UNKNOWN_VENDOR_KEY: HTTPStatus.UNAUTHORIZED,
    Reason.UNKNOWN_SUBSCRIBER_KEY: HTTPStatus.UNAUTHORIZED,
    Reason.VENDOR_KEY_REPLACED: HTTPStatus.UNAUTHORIZED,
    Reason.SUBSCRIBER_KEY_REPLACED: HTTPStatus.UNAUTHORIZED,
    Reason.VENDOR_KEY_REVOKED: HTTPStatus.UNAUTHORIZED,
    Reason.VENDOR_SUSPENDED: HTTPStatus.UNAUTHORIZED,
    Reason.SUBSCRIBER_KEY_REVOKED: HTTPStatus.UNAUTHORIZED,
    Reason.SUBSCRIBER_KEY_EXPIRED: HTTPStatus.UNAUTHORIZED,
    Reason.NETWORK_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Reason.INTEGRATIONS_DISABLED: HTTPStatus.FORBIDDEN,
    Reason.VENDOR_NOT_PERMITTED: HTTPStatus.FORBIDDEN,
    Reason.AMBIGUOUS_REQUEST: HTTPStatus.FORBIDDEN,
    Reason.UNMAPPED_ROUTE: HTTPStatus.FORBIDDEN,
    Reason.CATEGORY_DENIED: HTTPStatus.FORBIDDEN,
    Reason.READ_ONLY: HTTPStatus.FORBIDDEN,
    Reason.STALE: HTTPStatus.SERVICE_UNAVAILABLE,
    Reason.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
}
"""By the reason of a denial, None for an allow."""
