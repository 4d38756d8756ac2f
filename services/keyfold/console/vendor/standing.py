"""A vendor's reviews: which of them count, and which an approval still lacks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from keyfold.console.upstream.failures import JsonObject
from keyfold.console.web.rendering import instant

KINDS: Final = ("security", "compliance")
"""The reviews that an approval needs, in the order of every page."""


def latest_reviews(vendor: JsonObject) -> Mapping[str, JsonObject]:
    """Return the latest review of each kind that counts; the registry lists the oldest first."""
    return {review["kind"]: review for review in vendor["reviews"] if review["counts"]}


def missing_reviews(vendor: JsonObject, now: datetime) -> Mapping[str, str]:
    """Return each kind of review that an approval lacks, and how: a key of `words.LACKS`."""
    made = latest_reviews(vendor)
    lacks = {kind: _lack(made.get(kind), now) for kind in KINDS}
    return {kind: lack for kind, lack in lacks.items() if lack is not None}


def _lack(review: JsonObject | None, now: datetime) -> str | None:
    if review is None:
        return "unmade"
    if review["verdict"] != "pass":
        return "failed"
    return "lapsed" if instant(review["lapses_at"]) <= now else None
