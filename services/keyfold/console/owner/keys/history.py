"""A key's history in words: what happened, who did it, and each field before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from keyfold.console import words
from keyfold.console.owner.keys.vendors import names_of
from keyfold.console.owner.keys.visited import key_at
from keyfold.console.owner.terms.wording import describe_expiry, describe_users
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.web.rendering import in_words, instant
from keyfold.console.web.view import Visit

_ITEMS: Final = 20
_FIELDS: Final = {
    "state": "State",
    "name": "Name",
    "vendor_ids": "Integrations",
    "networks": "Networks",
    "rate_limit": "Limit",
    "expires_at": "Expires",
    "secret_hint": "Secret",
    "old_secret_works_until": "The old secret works until",
}
_NOTHING: Final = {
    "vendor_ids": "any approved integration",
    "networks": "anywhere",
    "rate_limit": "as often as the platform allows",
    "expires_at": "never",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeText:
    """A field in words, before and after; nothing before, if the key is new."""

    field: str
    before: Markup
    after: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to a key."""

    at: str
    summary: str
    actor: str
    reason: str | None
    changes: Sequence[ChangeText]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHistory:
    """A page of a key's history, newest first; `older` is the cursor of the next page."""

    items: Sequence[Happening]
    older: str | None


async def history_of(visit: Visit) -> KeyHistory:
    """Return the key's history, from the cursor in the address."""
    query = {"limit": str(_ITEMS)}
    if cursor := visit.query.get("before"):
        query["cursor"] = cursor
    page = await visit.services.get("registry", f"{key_at(visit)}/history", query)
    names = await names_of(visit, _vendor_ids(page["items"]))
    return KeyHistory(
        items=[happening(item, names, visit.zone) for item in page["items"]], older=page["next_cursor"]
    )


def happening(item: JsonObject, names: Mapping[str, str], zone: ZoneInfo) -> Happening:
    """Return an event of the registry's history in words."""
    is_new = all(change["before"] is None for change in item["changes"])
    # A field that a new key leaves empty has not changed.
    told = [each for each in item["changes"] if not (is_new and each["after"] in (None, "none"))]
    changes = [_change(each, names, zone) for each in told]
    return Happening(
        at=item["at"],
        summary=item["summary"],
        actor=actor(item["actor"]),
        reason=item["reason"],
        changes=[replace(each, before=Markup("")) for each in changes] if is_new else changes,
    )


def actor(said: Mapping[str, str | None]) -> str:
    """Return who did it, in words."""
    if said["role"] == "keyfold":
        return "Keyfold itself"
    return f"{said['subject'] or 'somebody'} ({said['role']})"


def _change(change: JsonObject, names: Mapping[str, str], zone: ZoneInfo) -> ChangeText:
    field: str = change["field"]
    category = field.removeprefix("permissions.")
    return ChangeText(
        field=words.category(category) if category != field else _FIELDS.get(field, field),
        before=_value(field, change["before"], names, zone),
        after=_value(field, change["after"], names, zone),
    )


def _value(
    field: str, value: str | bool | list[str] | None, names: Mapping[str, str], zone: ZoneInfo
) -> Markup:
    match field, value:
        case _, None:
            return escape(_NOTHING.get(field, "–"))
        case "vendor_ids", list():
            return describe_users(value, names)
        case "expires_at", str():
            return escape(describe_expiry(instant(value), zone))
        case "old_secret_works_until", str():
            return escape(in_words(value, zone))
        case "state", str():
            return escape(words.KEY_STATES.get(value, value))
        case _, list():
            return escape(words.join_words(value))
        case _, str() if field.startswith("permissions."):
            return escape(words.access(value))
        case _:
            return Markup("<bdi>{}</bdi>").format(value)


def _vendor_ids(items: Iterable[JsonObject]) -> set[str]:
    changes = [change for item in items for change in item["changes"] if change["field"] == "vendor_ids"]
    return {each for change in changes for side in ("before", "after") for each in change[side] or ()}
