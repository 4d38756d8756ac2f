"""The explanation of a decision in the log: why a request was answered so, and what would change that."""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.remedy import (
    CREATE_ANOTHER_KEY,
    ENABLE_INTEGRATIONS,
    EXPIRE_LATER,
    HEAR_THE_LEDGER,
    MAP_THE_ROUTE,
    REINSTATE,
    SEND_A_PLAIN_PATH,
    USE_ANOTHER_VENDOR_KEY,
    Mender,
    Remedy,
    admit,
    grant,
    permit,
)


class EventExplanation(Struct, frozen=True, kw_only=True, gc=False):
    """Why a request was answered as it was, in a sentence; `remedy` is None if none is needed or known.

    It says nothing beyond the event: the key or the vendor may be different today.
    """

    sentence: str
    remedy: Remedy | None = None


def explain_event(event: AccessEvent) -> EventExplanation:
    """Explain the decision about the request, or about all requests that the event stands for."""
    if event.is_public:
        times = "" if event.requests == 1 else f" {event.requests:,} times within a second"
        return EventExplanation(sentence=f"Allowed{times}: the route is public, so no key was looked at.")
    if event.reason is None:
        return EventExplanation(sentence=f"Allowed: both keys worked, and {_describe_grant(event)}.")
    denied = "Denied" if event.requests == 1 else f"Denied {event.requests:,} times within a second"
    explained = _EXPLAINED.get(event.reason)
    if explained is None:
        return EventExplanation(sentence=f"{denied}: {event.reason}, a reason that is not known here yet.")
    why, remedy = explained
    return EventExplanation(
        sentence=f"{denied}: {why.format(category=event.category or 'what was asked for')}.",
        remedy=remedy if isinstance(remedy, Remedy) else remedy(event),
    )


def _describe_grant(event: AccessEvent) -> str:
    if event.category is None or event.access is None:
        return "the subscriber key granted what was asked for"
    return f"the subscriber key granted {event.access.word} to {event.category}"


def _grant(event: AccessEvent) -> Remedy:
    if event.category is None or event.access is None:
        return Remedy("Grant what was asked for.", Mender.OWNER)
    return grant(event.access, event.category)


def _permit(event: AccessEvent) -> Remedy:
    if event.vendor_id is None:
        return Remedy("Add the vendor to the key's vendor_ids.", Mender.OWNER)
    return permit(event.vendor_id)


def _admit(event: AccessEvent) -> Remedy:
    return admit(event.client_ip or "the address that the request came from")


_EXPLAINED: Final[Mapping[str, tuple[str, Remedy | Callable[[AccessEvent], Remedy]]]] = {
    Reason.MISSING_VENDOR_KEY: (
        "the request came without a vendor key",
        Remedy("Send the vendor key, kfv_…, with every request.", Mender.VENDOR),
    ),
    Reason.MISSING_SUBSCRIBER_KEY: (
        "the request came without a subscriber key",
        Remedy("Send the practice's key, kfs_…, with every request.", Mender.VENDOR),
    ),
    Reason.MALFORMED_KEY: (
        "a key was not in its form, or there was more than one",
        Remedy("Send one whole vendor key, kfv_…, and one whole subscriber key, kfs_….", Mender.VENDOR),
    ),
    Reason.UNKNOWN_VENDOR_KEY: (
        "the vendor key is not one that works here",
        Remedy("Send a vendor key that was issued here.", Mender.VENDOR),
    ),
    Reason.UNKNOWN_SUBSCRIBER_KEY: (
        "the subscriber key is not one that works here",
        Remedy("Send the key that the practice has created.", Mender.VENDOR),
    ),
    Reason.VENDOR_KEY_REPLACED: (
        "this secret of the vendor key was replaced",
        Remedy("Use the key's new secret.", Mender.VENDOR),
    ),
    Reason.SUBSCRIBER_KEY_REPLACED: (
        "the practice replaced this secret of its key",
        Remedy("Use the key's new secret, which the practice has.", Mender.VENDOR),
    ),
    Reason.VENDOR_KEY_REVOKED: ("the vendor key was revoked", USE_ANOTHER_VENDOR_KEY),
    Reason.VENDOR_SUSPENDED: ("the vendor was not approved, so none of its keys worked", REINSTATE),
    Reason.SUBSCRIBER_KEY_REVOKED: ("the subscriber key was revoked", CREATE_ANOTHER_KEY),
    Reason.SUBSCRIBER_KEY_EXPIRED: ("the subscriber key had expired", EXPIRE_LATER),
    Reason.NETWORK_NOT_ALLOWED: (
        "the subscriber key may be used from some networks alone, and the request came from elsewhere",
        _admit,
    ),
    Reason.INTEGRATIONS_DISABLED: ("the practice had turned API integrations off", ENABLE_INTEGRATIONS),
    Reason.VENDOR_NOT_PERMITTED: (
        "the subscriber key may be used by the vendors that it names alone, and this is none of them",
        _permit,
    ),
    Reason.AMBIGUOUS_REQUEST: ("the request can be read in more than one way", SEND_A_PLAIN_PATH),
    Reason.UNMAPPED_ROUTE: ("no data stands behind this path", MAP_THE_ROUTE),
    Reason.CATEGORY_DENIED: ("the subscriber key gave no access to {category}", _grant),
    Reason.READ_ONLY: ("the subscriber key could only read {category}", _grant),
    Reason.STALE: ("it could not be told for certain whether the keys still worked", HEAR_THE_LEDGER),
    Reason.RATE_LIMITED: (
        "the subscriber key was used more often than it may be",
        Remedy("Send fewer requests, or ask the practice for a higher rate_limit.", Mender.VENDOR),
    ),
}
