"""Words that several pages share: categories, accesses, states, and how lists and counts are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

CATEGORIES: Final[Mapping[str, str]] = {
    "appointment": "Appointments",
    "clinical": "Clinical notes",
    "contact": "Contacts",
    "files": "Files",
    "financial": "Financial",
    "patient": "Patients",
    "system": "System",
}
"""The seven categories of data, as a practice calls them, in the order of every page."""
DATA: Final[Mapping[str, str]] = {
    "appointment": "appointments",
    "clinical": "clinical notes",
    "contact": "contacts",
    "files": "files",
    "financial": "financial data",
    "patient": "patients",
    "system": "system data",
}
"""The same within a sentence, such as "read patients"."""
SENSITIVE: Final = ("clinical", "financial", "system")
"""The categories whose write access comes with a warning."""
ACCESSES: Final[Mapping[str, str]] = {"none": "No access", "read": "Read", "write": "Write"}
KEY_STATES: Final[Mapping[str, str]] = {"active": "Active", "expired": "Expired", "revoked": "Revoked"}
VENDOR_STATES: Final[Mapping[str, str]] = {
    "applied": "Applied",
    "approved": "Approved",
    "rejected": "Rejected",
    "suspended": "Suspended",
}
REVIEWS: Final[Mapping[str, str]] = {"security": "Security review", "compliance": "Compliance review"}
VERDICTS: Final[Mapping[str, str]] = {"pass": "Passed", "fail": "Failed"}
LACKS: Final[Mapping[str, str]] = {
    "unmade": "not made yet",
    "failed": "did not pass",
    "lapsed": "passed so long ago that it counts no more",
}
"""How a vendor lacks a review."""
ACTORS: Final[Mapping[str, str]] = {
    "owner": "The practice's owner",
    "vendor": "The vendor",
    "reviewer": "A reviewer",
    "operator": "An operator",
    "login": "Somebody new",
    "keyfold": "Keyfold itself",
}
"""Who did something, as a history names them."""
_OTHER_STATES: Final[Mapping[str, str]] = {
    "bound": "Let in",
    "ended": "Ended",
    "open": "Open",
    "used": "Used",
    "withdrawn": "Withdrawn",
}
_HISTORY_FIELDS: Final[Mapping[str, str]] = {
    "state": "State",
    "name": "Name",
    "integrations_enabled": "API integrations on",
    "contact_email": "Contact e-mail",
    "website": "Website",
    "intended_use": "Intended use",
    "categories": "Data",
    "reviews.security": REVIEWS["security"],
    "reviews.compliance": REVIEWS["compliance"],
    "reviews_lapse_at": "Reviews hold until",
    "vendor_ids": "Integrations",
    "networks": "Networks",
    "rate_limit": "Limit",
    "expires_at": "Expires",
    "secret_hint": "Secret",
    "issuer": "Signs in with",
    "subject": "Login",
    "old_secret_works_until": "Old secret works until",
}
STANDINGS: Final[Mapping[str, str]] = {
    "ready": "Ready",
    "behind": "Not ready",
    "away": "Away",
    "unknown": "Not known",
}
"""The states of a service."""
SERVICES: Final[Mapping[str, str]] = {
    "registry": "the service that keeps the keys",
    "audit": "the service that keeps the access log",
    "gatekeeper": "the service that decides requests",
    "provider": "the service that signs people in",
}


def category(name: str | None) -> str:
    """Return a category in words; one that this page does not know, by its own name."""
    return "–" if name is None else CATEGORIES.get(name, name)


def data(name: str) -> str:
    """Return a category in words, for within a sentence."""
    return DATA.get(name, name)


def access(name: str | None) -> str:
    """Return an access in words."""
    return "–" if name is None else ACCESSES.get(name, name)


def history_field(name: str) -> str:
    """Return a field of a history in words, such as "Clinical notes" for `permissions.clinical`."""
    return _HISTORY_FIELDS.get(name, category(name.removeprefix("permissions.")))


def history_value(field: str, value: str) -> str:
    """Return a field's value in words if it is a word of ours; text that people typed is unchanged."""
    if field != "state" and not field.startswith(("permissions.", "reviews.")):
        return value
    return {**ACCESSES, **KEY_STATES, **VENDOR_STATES, **VERDICTS, **_OTHER_STATES}.get(value, value)


def age(now: datetime, at: str | datetime) -> str:
    """Return how long ago a time was, such as "3 hours", in the largest unit that it fills."""
    then = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    seconds = max(0, int((now - then).total_seconds()))
    for length, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            return plural(seconds // length, unit)
    return plural(seconds, "second")


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return "1 key" or "3 keys"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def seconds(count: float) -> str:
    """Return a length of time such as "0.4 seconds"."""
    return f"{count:.1f} seconds"


def join_words(parts: Iterable[str], last: str = "and") -> str:
    """Return "a, b and c"."""
    each: Sequence[str] = list(parts)
    return each[0] if len(each) == 1 else f"{', '.join(each[:-1])} {last} {each[-1]}" if each else ""
