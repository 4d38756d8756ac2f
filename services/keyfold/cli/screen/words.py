"""The words that many views share: times, switches, states and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from keyfold.cli.screen.shown import Tone, Toned, Value

NONE: Final = "—"
STATES: Final[Mapping[str, Tone]] = {
    "active": Tone.GOOD,
    "approved": Tone.GOOD,
    "open": Tone.GOOD,
    "applied": Tone.DOUBTFUL,
    "expired": Tone.DOUBTFUL,
    "suspended": Tone.DOUBTFUL,
    "over": Tone.DOUBTFUL,
    "rejected": Tone.BAD,
    "revoked": Tone.BAD,
    "withdrawn": Tone.BAD,
}


def when(text: str | None) -> str:
    """Return a time of the API as a person reads it: UTC, to the second; a dash for none."""
    return NONE if text is None else text[:19].replace("T", " ") + "Z"


def minute(text: str | None) -> str:
    """Return a time that is kept to the minute, or to the hour, as no more than that."""
    return NONE if text is None else text[:16].replace("T", " ") + "Z"


def yes_no(value: bool) -> str:
    """Say a switch in a word."""
    return "yes" if value else "no"


def state_of(state: str) -> Value:
    """Return a key's, a vendor's or an invitation's state."""
    return Toned(state, STATES[state]) if state in STATES else state


def answer_of(event: Mapping[str, str | None]) -> Toned:
    """Return what a request was answered: ``allow``, or the reason of the denial."""
    if event["decision"] == "allow":
        return Toned("allow", Tone.GOOD)
    return Toned(event["reason"] or "deny", Tone.BAD)


def plain(value: object) -> str:
    """Return any JSON value on a line: a dash for null, a list with semicolons, an object as `name value`."""
    match value:
        case None:
            return NONE
        case bool():
            return yes_no(value)
        case Mapping():
            return ", ".join(f"{name} {plain(each)}" for name, each in value.items())
        case list():
            return "; ".join(map(plain, value)) or "none"
        case _:
            return str(value)
