"""What a command shows: a table to a person, JSON to a program. Every view is made of these parts."""

from __future__ import annotations

from keyfold.cli.screen.layout import INDENT, Room, note_left_out
from keyfold.cli.screen.show import Terminal, printable, room, show, write_json
from keyfold.cli.screen.shown import (
    Bars,
    Chronicle,
    Details,
    Ending,
    Line,
    Listing,
    Shown,
    TimelineEntry,
    Tone,
    Toned,
    Value,
    Written,
)
from keyfold.cli.screen.words import answer_of, minute, plain, state_of, when, yes_no

__all__ = [
    "INDENT",
    "Bars",
    "Chronicle",
    "Details",
    "Ending",
    "Line",
    "Listing",
    "Room",
    "Shown",
    "Terminal",
    "TimelineEntry",
    "Tone",
    "Toned",
    "Value",
    "Written",
    "answer_of",
    "minute",
    "note_left_out",
    "plain",
    "printable",
    "room",
    "show",
    "state_of",
    "when",
    "write_json",
    "yes_no",
]
