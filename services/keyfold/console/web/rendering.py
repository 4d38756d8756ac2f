"""Templates to HTML: the one environment, and how times, numbers and names are written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from keyfold.console import words
from keyfold.console.reasons import refusal

STATIC: Final = resources.files("keyfold.console") / "static"
_UTC: Final = "UTC"


@cache
def environment() -> Environment:
    """Return the environment that renders every template."""
    made = Environment(
        loader=PackageLoader("keyfold.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(
        when=_when,
        day=_day,
        number=_number,
        instant=instant,
        plural=words.plural,
        listed=words.join_words,
        category=words.category,
    )
    made.globals.update(
        words=words,
        asset=asset,
        bar_path=bar_path,
        reasons_of=lambda reason: refusal(reason).means if reason else "",
    )
    return made


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return the text of a template with these values."""
    return environment().get_template(template).render(values)


@cache
def asset(name: str) -> str:
    """Return the address of a file of ours, with a hash of its content: a browser may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]
    return f"/static/{digest}/{name}"


def has_asset(name: str) -> bool:
    """Tell whether there is such a file."""
    return (STATIC / name).is_file()


def bar_path(counts: Sequence[int], most: int) -> str:
    """Return bars on a base line as an SVG path: each is 4 wide with its gap, the highest 24 high."""
    heights = [max(2, round(count * 24 / most)) if count else 0 for count in counts]
    bars = [f"M{4 * at} 24v-{height}h3V24z" for at, height in enumerate(heights) if height]
    return f"{''.join(bars)}M0 23h{4 * len(counts)}v1H0z"


def instant(value: str | datetime) -> datetime:
    """Return a service's time as a datetime, or a datetime unchanged."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def in_words(value: str | datetime, zone: ZoneInfo) -> str:
    """Return a time to the minute, such as "3 June 2026, 14:03", in a zone."""
    at = instant(value).astimezone(zone)
    return f"{at.day} {at:%B %Y, %H:%M}{' UTC' if str(zone) == _UTC else ''}"


def day_in_words(value: str | datetime, zone: ZoneInfo) -> str:
    """Return the day of a time, such as "3 June 2026", in a zone."""
    at = instant(value).astimezone(zone)
    return f"{at.day} {at:%B %Y}"


@pass_context
def _when(context: Context, value: str | datetime | None, never: str = "never") -> Markup | str:
    """Return a time in the reader's zone, with UTC in its title."""
    return never if value is None else _time(value, in_words(value, context["zone"]))


@pass_context
def _day(context: Context, value: str | datetime | None, never: str = "never") -> Markup | str:
    """Return the day of a time in the reader's zone, with the time in UTC in its title."""
    if value is None:
        return never
    return _time(value, day_in_words(value, context["zone"]))


def _time(value: str | datetime, said: str) -> Markup:
    at = instant(value).astimezone(ZoneInfo(_UTC))
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S} UTC", said
    )


def _number(value: int) -> str:
    return f"{value:,}"
