"""Upcasting: an old event's data, rewritten as the present schema version has it."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from keyfold.wire.timestamp import format_time, parse_time

SCHEMA_VERSION = 5
"""The version of events' data that this code writes, and the newest that it understands."""

Upcaster = Callable[[Mapping[str, Any]], dict[str, Any]]


def upcast(name: str, schema_version: int, data: Any) -> Any:
    """Return an event's data as `SCHEMA_VERSION` has it; the ledger's row itself stays as it was sealed.

    Raises KeyError, TypeError or ValueError if the data does not fit its version.
    """
    for version in range(schema_version, SCHEMA_VERSION):
        step = UPCASTERS.get((name, version))
        data = data if step is None else step(data)
    return data


def _key_created_1(data: Mapping[str, Any]) -> dict[str, Any]:
    return _extend(data, {"networks": None, "reminders": _reminders(data["expires_at"])})


def _key_created_2(data: Mapping[str, Any]) -> dict[str, Any]:
    return _extend(data, {"rate_limit": None})


def _expiry_changed(data: Mapping[str, Any]) -> dict[str, Any]:
    return _extend(data, {"reminders": _reminders(data["expires_at"])})


def _vendor_reviewed(data: Mapping[str, Any]) -> dict[str, Any]:
    dates = {
        "lapses_at": _shift(data["reviewed_at"], timedelta(days=365)),
        "warn_at": _shift(data["reviewed_at"], timedelta(days=335)),
    }
    return _extend(data, dates)


def _extend(data: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise TypeError("it is no JSON object")
    # An earlier version did not have these fields. If the data has them, something is wrong: do not hide it.
    if not data.keys().isdisjoint(fields):
        raise ValueError(f"its version has no {', '.join(sorted(fields))}")
    return {**data, **fields}


def _reminders(expires_at: str | None) -> list[str]:
    if expires_at is None:
        return []
    return [_shift(expires_at, -timedelta(days=days)) for days in (14, 3)]


def _shift(instant: str, by: timedelta) -> str:
    return format_time(parse_time(instant) + by)


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    ("keyfold.subscriber_key.created", 1): _key_created_1,
    ("keyfold.subscriber_key.created", 2): _key_created_2,
    ("keyfold.subscriber_key.expiry_changed", 1): _expiry_changed,
    ("keyfold.vendor.reviewed", 1): _vendor_reviewed,
}
"""Turns the data of a type's version into the next version's; a type that is not here did not change."""
