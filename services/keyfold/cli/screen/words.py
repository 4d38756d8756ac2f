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
    """Return a time of the API for a person: in UTC, to the second; a dash for None."""
    return NONE if text is None else text[:19].replace("T", " ") + "Z"


def minute(text: str | None) -> str:
    """Return a time of the API to the minute, for times that are kept no more exactly; a dash for None."""
    return NONE if text is None else text[:16].replace("T", " ") + "Z"


def yes_no(value: bool) -> str:
    """Return a switch as a word."""
    return "yes" if value else "no"


def state_of(state: str) -> Value:
    """Return the state of a key, a vendor or an invitation with its tone, if it has one."""
    return Toned(state, STATES[state]) if state in STATES else state


def answer_of(event: Mapping[str, str | None]) -> Toned:
    """Return the answer to a request: ``allow``, or the reason of the denial."""
    if event["decision"] == "allow":
        return Toned("allow", Tone.GOOD)
    return Toned(event["reason"] or "deny", Tone.BAD)


def plain(value: object) -> str:
    """Return any JSON value in a line: a dash for null, a list with semicolons, an object as `name value`."""
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
