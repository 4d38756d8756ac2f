"""How long an old secret goes on working after a rotation: what may be chosen, and when that ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

OVERLAPS_S: Final[Mapping[int, str]] = {0: "Now", 3600: "1 hour", 86_400: "1 day", 604_800: "7 days"}
DEFAULT_S: Final = 86_400


def overlaps(now: datetime) -> Sequence[tuple[int, str, datetime]]:
    """Return each choice: its seconds, its label, and when it ends if it begins now."""
    return [(seconds, said, now + timedelta(seconds=seconds)) for seconds, said in OVERLAPS_S.items()]


def overlap_s(form: Mapping[str, str]) -> int:
    """Return a form's choice; for anything else the default, which never ends the old secret at once."""
    return next((each for each in OVERLAPS_S if str(each) == form.get("overlap")), DEFAULT_S)
