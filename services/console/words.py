"""Words that several pages share: categories, accesses, states, and how lists and counts are said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
"""Where write access is warned of."""
ACCESSES: Final[Mapping[str, str]] = {"none": "No access", "read": "Read", "write": "Write"}
KEY_STATES: Final[Mapping[str, str]] = {"active": "Active", "expired": "Expired", "revoked": "Revoked"}
VENDOR_STATES: Final[Mapping[str, str]] = {
    "applied": "Applied",
    "approved": "Approved",
    "rejected": "Rejected",
    "suspended": "Suspended",
}
SERVICES: Final[Mapping[str, str]] = {
    "registry": "the service that keeps the keys",
    "audit": "the service that keeps the access log",
    "gatekeeper": "the service that decides requests",
}


def category(name: str | None) -> str:
    """Return a category in words; one that is newer than this page by its own name."""
    return "–" if name is None else CATEGORIES.get(name, name)


def data(name: str) -> str:
    """Return a category within a sentence."""
    return DATA.get(name, name)


def access(name: str | None) -> str:
    """Return an access in words."""
    return "–" if name is None else ACCESSES.get(name, name)


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return "1 key" or "3 keys"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def seconds(count: float) -> str:
    """Return a length of time such as "0.4 seconds"."""
    return f"{count:.1f} seconds"


def listed(parts: Iterable[str], last: str = "and") -> str:
    """Return "a, b and c"."""
    each: Sequence[str] = list(parts)
    return each[0] if len(each) == 1 else f"{', '.join(each[:-1])} {last} {each[-1]}" if each else ""
