"""Times and lengths of time as people type them. Without a zone they are in UTC, as all that is shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from keyfold.client.failure import WrongUsage

UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LENGTH: Final = re.compile(r"([0-9]{1,9})([smhd]?)")
_FROM_NOW: Final = re.compile(r"([+-]?)([0-9]{1,9}[smhd])")
_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
_SUCH_AS: Final = "such as 2026-11-30, 2026-11-30T08:00:00Z, yesterday, -1d or 2h"


def instant(text: str, option: str, now: datetime, *, is_ahead: bool = False) -> datetime:
    """Return a time. Raises WrongUsage, which names the option.

    A date means its first moment. A length means that long ago, or if `is_ahead` that far ahead, unless it
    has a sign.
    """
    try:
        at = _instant(text.strip(), now, is_ahead=is_ahead).astimezone(UTC)
        if at.replace(tzinfo=None) in (datetime.min, datetime.max):
            raise OverflowError
    except ValueError:
        raise WrongUsage(f"{option} {text}: it must be a time, {_SUCH_AS}.") from None
    except OverflowError:
        raise WrongUsage(f"{option} {text}: it lies outside of the calendar.") from None
    return at


def past(text: str | None, option: str, now: datetime) -> str | None:
    """Return a time for the services, where a length means that long ago. Raises WrongUsage."""
    return None if text is None else wire_text(instant(text, option, now))


def ahead(text: str | None, option: str, now: datetime) -> str | None:
    """Return a time for the services, where a length means that far ahead. Raises WrongUsage."""
    return None if text is None else wire_text(instant(text, option, now, is_ahead=True))


def wire_text(at: datetime) -> str:
    """Return a time in UTC as the services read it."""
    return at.isoformat().replace("+00:00", "Z")


def seconds(text: str, option: str) -> int:
    """Return the seconds of ``7d``, ``12h``, ``30m``, ``90s`` or ``90``. Raises WrongUsage."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise WrongUsage(f"{option} {text}: it must be a number with s, m, h or d behind it, such as 7d.")
    return int(found[1]) * UNITS_S[found[2] or "s"]


def bounded_seconds(text: str, option: str, least: int, most: int) -> int:
    """Return the seconds of a length that is from `least` to `most` seconds. Raises WrongUsage."""
    length_s = seconds(text, option)
    if not least <= length_s <= most:
        raise WrongUsage(f"{option} {text}: it must be from {_typed(least)} to {_typed(most)}.")
    return length_s


def _typed(length_s: int) -> str:
    """Return a length as people type it, in the largest unit that has no remainder."""
    fitting = [(size_s, unit) for unit, size_s in UNITS_S.items() if length_s and length_s % size_s == 0]
    size_s, unit = max(fitting, default=(1, "s"))
    return f"{length_s // size_s}{unit}"


def days(text: str, option: str, most: int) -> int:
    """Return the days of ``30d`` or ``30``, from 1 to `most`. Raises WrongUsage."""
    whole, left = divmod(seconds(text if text[-1:] in UNITS_S else f"{text}d", option), UNITS_S["d"])
    if left or not 1 <= whole <= most:
        raise WrongUsage(f"{option} {text}: it must be from 1 to {most} days, such as 7d.")
    return whole


def _instant(text: str, now: datetime, *, is_ahead: bool) -> datetime:
    word = text.lower()
    if word == "now":
        return now
    if word in _DAYS:
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(days=_DAYS[word])
    if found := _FROM_NOW.fullmatch(word):
        length = timedelta(seconds=seconds(found[2], ""))
        return now + length if found[1] == "+" or (is_ahead and not found[1]) else now - length
    at = datetime.fromisoformat(text.upper())
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
