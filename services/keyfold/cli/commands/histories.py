"""Histories on the screen: who did what and when, and below that each field before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Chronicle, TimelineEntry, when
from keyfold.client.http import JsonObject
from keyfold.local.signing import Claims

Value: TypeAlias = str | bool | list[str] | None

NOTHING: Final = {
    "vendor_ids": "any approved",
    "networks": "any",
    "rate_limit": "the platform's default",
    "expires_at": "never",
}
"""What a missing field means, where it means something."""


async def history_of(
    keyfold: Keyfold, path: str, who: Claims, items_max: int, *, names_keys: bool = True
) -> Chronicle:
    """Return the history of what is at this path, newest first; `names_keys` says of which key each is."""
    items = [item async for item in keyfold.items(f"{path}/history", who, items_max=items_max)]
    return chronicle_of(items, names_keys=names_keys)


def chronicle_of(items: Sequence[JsonObject], *, names_keys: bool) -> Chronicle:
    """Return what is shown of a history."""
    return Chronicle(
        entries=[_entry(item, names_keys=names_keys) for item in items],
        items=items,
        empty="Nothing has happened.",
    )


def _entry(item: JsonObject, *, names_keys: bool) -> TimelineEntry:
    actor = item["actor"]
    # A vendor is not told which reviewer it was.
    who = actor["role"] if actor["subject"] is None else f"{actor['role']}:{actor['subject']}"
    return TimelineEntry(
        headline=(when(item["at"]), who, item["summary"]),
        lines=[
            *([f"key: {item['key_id']}"] if names_keys and item["key_id"] else []),
            *([f"because: {item['reason']}"] if item["reason"] else []),
            *_format_changes(item["changes"]),
        ],
    )


def _drop_empty(changes: list[JsonObject]) -> Iterator[JsonObject]:
    """Leave out what a new thing does not have, such as categories without access."""
    return (change for change in changes if (change["before"], change["after"]) != (None, "none"))


def _format_changes(changes: list[JsonObject]) -> Iterator[str]:
    # A new key was not open to any vendor before: there was no key.
    is_new = any(change["field"] == "state" and change["before"] is None for change in changes)
    return (_format_change(change, is_new=is_new) for change in _drop_empty(changes))


def _format_change(change: JsonObject, *, is_new: bool) -> str:
    field, before, after = change["field"], change["before"], change["after"]
    if before is None and (is_new or field not in NOTHING):
        return f"{field}: {_format_value(field, after)}"
    return f"{field}: {_format_value(field, before)} → {_format_value(field, after)}"


def _format_value(field: str, value: Value) -> str:
    if value is None:
        return NOTHING.get(field, "—")
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return when(value) if field.endswith(("_at", "_until")) else value
