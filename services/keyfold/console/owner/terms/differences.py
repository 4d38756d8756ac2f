"""What an edit would change, in sentences, and how much of the last 30 days it would have refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from keyfold.console import words
from keyfold.console.owner.terms.terms import KeyTerms
from keyfold.console.owner.terms.wording import (
    describe_expiry,
    describe_limit,
    describe_networks,
    describe_users,
)
from keyfold.console.upstream.failures import JsonObject

_LEVELS: Final = {"none": 0, "read": 1, "write": 2}
_PERMISSIONS: Final = {
    ("write", "read"): "It will no longer be able to change {}, only read them.",
    ("write", "none"): "It will no longer be able to read or change {}.",
    ("read", "none"): "It will no longer be able to read {}.",
    ("none", "read"): "It will be able to read {}; so far it was not.",
    ("none", "write"): "It will be able to read and change {}; so far it could do neither.",
    ("read", "write"): "It will be able to change {}; so far it could only read them.",
}


def differences(was: KeyTerms, becomes: KeyTerms, names: Mapping[str, str], zone: ZoneInfo) -> list[Markup]:
    """Return what changes in a key, a sentence each; none if nothing does."""
    said: list[Markup] = []
    if was.name != becomes.name:
        said.append(
            Markup("Its name changes from <bdi>{}</bdi> to <bdi>{}</bdi>.").format(was.name, becomes.name)
        )
    said += _permissions(was, becomes)
    said += _vendors(was, becomes, names)
    if was.networks != becomes.networks:
        said.append(
            Markup("It will work from {}; so far from {}.").format(
                describe_networks(becomes.networks), describe_networks(was.networks)
            )
        )
    if was.rate_limit != becomes.rate_limit:
        said.append(
            Markup("It may be used: {}; so far: {}.").format(
                describe_limit(becomes.rate_limit), describe_limit(was.rate_limit)
            )
        )
    if was.expires_at != becomes.expires_at:
        said.append(
            Markup("{}; so far {}.").format(_end(becomes, zone).replace("it", "It", 1), _end(was, zone))
        )
    return said


def _permissions(was: KeyTerms, becomes: KeyTerms) -> Iterable[Markup]:
    for name in words.CATEGORIES:
        change = (was.permissions[name], becomes.permissions[name])
        if change in _PERMISSIONS:
            yield escape(_PERMISSIONS[change].format(words.data(name)))


def _vendors(was: KeyTerms, becomes: KeyTerms, names: Mapping[str, str]) -> Iterable[Markup]:
    before, after = was.vendor_ids, becomes.vendor_ids
    if after is None and before is not None:
        yield Markup("Any approved integration may use it; so far {} alone.").format(
            describe_users(before, names)
        )
    if after is not None and before is None:
        yield Markup("{} alone may use it; so far any approved integration.").format(
            describe_users(after, names)
        )
    if after is None or before is None:
        return
    if added := [each for each in after if each not in before]:
        yield Markup("{} may use it too.").format(describe_users(added, names))
    if removed := [each for each in before if each not in after]:
        yield Markup("{} may no longer use it.").format(describe_users(removed, names))


def _end(terms: KeyTerms, zone: ZoneInfo) -> str:
    return (
        "it has no end"
        if terms.expires_at is None
        else f"it ends on {describe_expiry(terms.expires_at, zone)}"
    )


def count_refused(passed: Iterable[JsonObject], becomes: KeyTerms) -> int:
    """Return how many requests that passed would be refused for their data or their integration.

    `passed` are counts with `vendor_id`, `category`, `access` and `requests`. Counts do not tell
    what networks and a limit would refuse.
    """
    return sum(each["requests"] for each in passed if not _passes(each, becomes))


def _passes(count: JsonObject, terms: KeyTerms) -> bool:
    granted = terms.permissions.get(count["category"] or "", "none")
    is_granted = _LEVELS.get(count["access"] or "none", 0) <= _LEVELS[granted]
    return is_granted and (terms.vendor_ids is None or count["vendor_id"] in terms.vendor_ids)
