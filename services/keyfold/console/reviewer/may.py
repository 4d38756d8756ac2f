"""What a reviewer may do about a vendor, and why not, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from keyfold.console import words
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.vendor.standing import missing_reviews

_OWN: Final = "This vendor is your own, so another reviewer has to do this."
_DECIDED: Final = "It was approved; an approved vendor can be suspended instead."
_NEVER_LET_IN: Final = "It was not approved, so it has no keys to be stopped."
_REJECT: Final[Mapping[str, str]] = {"rejected": "It is rejected already."}
_SUSPEND: Final[Mapping[str, str]] = {"suspended": "It is suspended already."}


def why_not(vendor: JsonObject, reviewer: str, now: datetime) -> Mapping[str, str]:
    """Return why, for each action that this reviewer may not take now; the registry would refuse it too."""
    state, is_own = vendor["state"], vendor["applicant"] == reviewer
    why = {
        "security": _review(state),
        "compliance": _review(state),
        "approve": _approve(vendor, now),
        "reject": "" if state == "applied" else _REJECT.get(state, _DECIDED),
        "suspend": "" if state == "approved" else _SUSPEND.get(state, _NEVER_LET_IN),
        "reinstate": "" if state == "suspended" else "Only a suspended vendor can be reinstated.",
        "issue": "" if state == "approved" else "Only an approved vendor gets keys.",
    }
    # Who else speaks for the vendor is known to the registry alone, which refuses it too.
    return {action: each or _OWN for action, each in why.items() if each or is_own}


def _review(state: str) -> str:
    is_over = state == "rejected"
    return (
        "The application was rejected; it is reviewed again when the vendor applies again." if is_over else ""
    )


def _approve(vendor: JsonObject, now: datetime) -> str:
    match vendor["state"]:
        case "approved":
            return "It is approved already."
        case "rejected":
            return "The application was rejected; the vendor has to apply again first."
        case "suspended":
            return "It was approved once, and is suspended: reinstate it instead."
    lacks = missing_reviews(vendor, now)
    if not lacks:
        return ""
    said = words.join_words(f"the {words.REVIEWS[kind].lower()} {_HOW[lack]}" for kind, lack in lacks.items())
    return f"Both reviews must have passed: {said}."


_HOW: Final[Mapping[str, str]] = {"unmade": "is missing", "failed": "failed", "lapsed": "has lapsed"}
