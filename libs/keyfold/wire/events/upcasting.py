"""Old events brought up to date: what the data of an earlier schema version says in the words of today's."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from keyfold.wire.timestamp import format_time, parse_time

SCHEMA_VERSION = 4
"""The version of the events' data that this code writes, and the newest that it understands."""

Upcaster = Callable[[Mapping[str, Any]], dict[str, Any]]


def upcast(name: str, schema_version: int, data: Any) -> Any:
    """Return an event's data as `SCHEMA_VERSION` has it; the ledger's own row stays as it was sealed.

    Raises KeyError, TypeError or ValueError where the data is not what its version says.
    """
    for version in range(schema_version, SCHEMA_VERSION):
        step = UPCASTERS.get((name, version))
        data = data if step is None else step(data)
    return data


def _key_created_1(data: Mapping[str, Any]) -> dict[str, Any]:
    return _extended(data, {"networks": None, "reminders": _reminders(data["expires_at"])})


def _key_created_2(data: Mapping[str, Any]) -> dict[str, Any]:
    return _extended(data, {"rate_limit": None})


def _expiry_changed(data: Mapping[str, Any]) -> dict[str, Any]:
    return _extended(data, {"reminders": _reminders(data["expires_at"])})


def _vendor_reviewed(data: Mapping[str, Any]) -> dict[str, Any]:
    dates = {
        "lapses_at": _shifted(data["reviewed_at"], timedelta(days=365)),
        "warn_at": _shifted(data["reviewed_at"], timedelta(days=335)),
    }
    return _extended(data, dates)


def _extended(data: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise TypeError("it is no JSON object")
    # What an earlier version did not have, none of its events holds: to overwrite it would hide the doubt.
    if not data.keys().isdisjoint(fields):
        raise ValueError(f"its version has no {', '.join(sorted(fields))}")
    return {**data, **fields}


def _reminders(expires_at: str | None) -> list[str]:
    if expires_at is None:
        return []
    return [_shifted(expires_at, -timedelta(days=days)) for days in (14, 3)]


def _shifted(instant: str, by: timedelta) -> str:
    return format_time(parse_time(instant) + by)


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    ("keyfold.subscriber_key.created", 1): _key_created_1,
    ("keyfold.subscriber_key.created", 2): _key_created_2,
    ("keyfold.subscriber_key.expiry_changed", 1): _expiry_changed,
    ("keyfold.vendor.reviewed", 1): _vendor_reviewed,
}
"""What turns the data of a type's version into that of the next; a type that is not here did not change."""
