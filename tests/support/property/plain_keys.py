"""What a key has come to, in plain dictionaries, whoever it belongs to: its secrets and its reminders."""

from datetime import UTC, datetime, timedelta
from typing import Any

FOR_EVER = datetime.max.replace(tzinfo=UTC)
REPLACED_KEPT = 3
Outcome = list[str] | str
Presented = tuple[str, int]
"""The id and the secret of a key."""


def find_proven(
    keys: dict[str, dict[str, Any]], presented: Presented, now: datetime
) -> dict[str, Any] | None:
    """Return the key that some secret of it proves, in force or not."""
    key, secret = presented
    known = keys.get(key)
    return known if known and (works(known, secret, now) or secret in known["old"]) else None


def works(known: dict[str, Any], secret: int, now: datetime) -> bool:
    """Tell whether a secret works."""
    return secret in known["secrets"] and now < known["secrets"][secret]


def rotate(known: dict[str, Any], secret: int, at: datetime, overlap: timedelta) -> None:
    """Give a key another secret; the one before works for the overlap."""
    [current] = [one for one, end in known["secrets"].items() if end == FOR_EVER]
    known["secrets"], known["old"] = {secret: FOR_EVER}, [current, *known["old"]][:REPLACED_KEPT]
    if overlap > timedelta(0):
        known["secrets"][current] = at + overlap


def revoke(known: dict[str, Any] | None, owner: str, event: str) -> Outcome:
    """Revoke a key, if it is its owner who asks."""
    if known is None or known["owner"] != owner:
        return "not-found"
    before, known["revoked"] = known["revoked"], True
    known["secrets"] = {secret: end for secret, end in known["secrets"].items() if end == FOR_EVER}
    return [] if before else [event]


def forget_dead_secrets(known: dict[str, Any], at: datetime) -> bool:
    """Drop the secrets that are over; tell whether there were any."""
    living = {secret: end for secret, end in known["secrets"].items() if end > at}
    dead_count = len(known["secrets"]) - len(living)
    known["secrets"] = living
    return dead_count > 0


def reminders(expires_at: datetime | None, at: datetime) -> list[datetime]:
    """Return when an owner is reminded of an expiry, those still to come."""
    if expires_at is None:
        return []
    return [instant for days in (14, 3) if (instant := expires_at - timedelta(days=days)) > at]
