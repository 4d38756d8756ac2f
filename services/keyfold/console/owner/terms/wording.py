"""A key in sentences: who may do what with it, from where, how often and how long.

Text with a name is markup: the name is in its own element, so that its direction does not affect the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from keyfold.console import words
from keyfold.console.owner.terms.terms import KeyTerms, RateLimit
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.web.rendering import day_in_words, in_words, instant

ENDS_SOON: Final = timedelta(days=7)
_ANY: Final = Markup("Any approved integration")
_PER: Final = {1: "a second", 60: "a minute", 3600: "an hour", 86_400: "a day"}
_VERBS: Final = {"read": "read", "write": "change"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStateText:
    """A key's state: a word, the kind that gives its colour, and what it means."""

    word: str
    kind: str
    said: Sequence[str]


def name_vendor(vendor_id: str, names: Mapping[str, str]) -> Markup:
    """Return an integration's name; practices are not told that of one that is no longer approved."""
    if vendor_id in names:
        return Markup("<bdi>{}</bdi>").format(names[vendor_id])
    return Markup("an integration whose name is not known ({})").format(vendor_id)


def describe_users(vendor_ids: Iterable[str] | None, names: Mapping[str, str]) -> Markup:
    """Return who may use a key, as the beginning of a sentence."""
    if vendor_ids is None:
        return _ANY
    each = [name_vendor(vendor_id, names) for vendor_id in vendor_ids]
    return each[0] if len(each) == 1 else Markup(", ").join(each[:-1]) + Markup(" and ") + each[-1]


def describe_permissions(permissions: Mapping[str, str]) -> str:
    """Return what permissions allow, such as "read patients and change appointments"; empty for nothing."""
    by_access = {
        access: [words.data(name) for name, granted in permissions.items() if granted == access]
        for access in ("read", "write")
    }
    parts = [
        f"{verb} {words.join_words(by_access[access])}"
        for access, verb in _VERBS.items()
        if by_access[access]
    ]
    return (", and " if any(len(each) > 1 for each in by_access.values()) else " and ").join(parts)


def describe_expiry(expires_at: datetime, zone: ZoneInfo) -> str:
    """Return when a key ends: the day, or the minute if it is not the end of the day."""
    local = expires_at.astimezone(zone)
    is_day = local.time().replace(microsecond=0) == time(23, 59, 59)
    return day_in_words(expires_at, zone) if is_day else in_words(expires_at, zone)


def describe_limit(rate_limit: RateLimit | None) -> str:
    """Return how often a key may be used, such as "100 requests a minute, up to 200 at once"."""
    if rate_limit is None:
        return "as often as the platform allows"
    requests, per_s, burst = rate_limit["requests"], rate_limit["per_s"], rate_limit["burst"]
    often = f"{words.plural(requests, 'request')} {_PER.get(per_s, f'in {per_s:,} seconds')}"
    return often if burst == requests else f"{often}, up to {burst:,} at once"


def describe_networks(named_networks: Sequence[str] | None) -> str:
    """Return from where a key works."""
    return "anywhere" if named_networks is None else words.join_words(named_networks)


def summarise(terms: KeyTerms, names: Mapping[str, str], zone: ZoneInfo) -> list[Markup]:
    """Return in sentences who will be able to do what with a key."""
    ability = describe_permissions(terms.permissions) or "do nothing yet"
    end = "" if terms.expires_at is None else f", until {describe_expiry(terms.expires_at, zone)}"
    said = [Markup("{} will be able to {}{}.").format(describe_users(terms.vendor_ids, names), ability, end)]
    if terms.expires_at is None:
        said.append(Markup("The key has no end: it works until you revoke it."))
    if terms.networks is not None:
        said.append(Markup("It will work from {} alone.").format(describe_networks(terms.networks)))
    if terms.rate_limit is not None:
        said.append(Markup("It may be used for {}.").format(describe_limit(terms.rate_limit)))
    return said


def describe_state(key: JsonObject, *, is_on: bool, now: datetime, zone: ZoneInfo) -> KeyStateText:
    """Return what state a key is in; `is_on` tells whether the account's integrations are."""
    if key["state"] == "revoked":
        return KeyStateText(
            word="Revoked",
            kind="revoked",
            said=[f"Revoked on {in_words(key['revoked_at'], zone)}, for ever."],
        )
    ends = None if key["expires_at"] is None else instant(key["expires_at"])
    if ends is not None and key["state"] == "expired":
        over = f"Expired on {describe_expiry(ends, zone)}. Give it a later end to use it again."
        return KeyStateText(word="Expired", kind="expired", said=[over])
    is_soon = ends is not None and ends - now <= ENDS_SOON
    said = (
        []
        if ends is None
        else [f"{'Expires soon, on' if is_soon else 'Expires on'} {describe_expiry(ends, zone)}."]
    )
    if key["old_secret_works_until"] is not None:
        said.append(f"Two secrets work: the old one until {in_words(key['old_secret_works_until'], zone)}.")
    if not is_on:
        return KeyStateText(
            word="Off", kind="expired", said=["API integrations are off: it cannot be used now.", *said]
        )
    return KeyStateText(
        word="Expires soon" if is_soon else "Active", kind="expired" if is_soon else "active", said=said
    )


def describe_use(granted: str, count: int | None, most: str | None, *, is_young: bool) -> str:
    """Return in words how a permission was used in 30 days.

    `count` are its requests, and `most` the most that was used of it, each None where it is not known;
    `is_young` tells whether there was nothing before those days.
    """
    if count:
        times = f"used {words.plural(count, 'time')} in 30 days"
        return f"{times}, to read alone" if granted == "write" and most == "read" else times
    if count is None or most is None:
        return "not known"
    return "never used" if is_young else "not used in 30 days"
