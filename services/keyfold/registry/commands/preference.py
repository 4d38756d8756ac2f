"""Prefer: how long a caller would wait for its command to be in force everywhere (RFC 7240)."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

HEADER: Final = "Prefer"
APPLIED: Final = "Preference-Applied"
WAIT_MAX_S: Final = 30

# Up to a comma that is in no quoted text; a text without its end runs to the end of the line.
_PREFERENCE: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_SECONDS: Final = re.compile(r'(?P<quote>"?)(?P<digits>[0-9]+)(?P=quote)', re.ASCII)


def read_wait_s(prefer: Sequence[str]) -> int | None:
    """Return how many seconds the header's lines ask to wait, at most 30; None where they do not.

    What is malformed is no preference, and of several the first counts: so the RFC has it.
    """
    for name, value in _preferences(prefer):
        if name == "wait":
            seconds = _SECONDS.fullmatch(value)
            return None if seconds is None else _bounded(seconds["digits"])
    return None


def _bounded(digits: str) -> int:
    # The text is bounded first: to read a very long one would take long, and Python refuses to.
    significant = digits.lstrip("0")[: len(str(WAIT_MAX_S)) + 1]
    return min(int(significant or "0"), WAIT_MAX_S)


def _preferences(prefer: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in prefer:
        for preference in _PREFERENCE.findall(line):
            name, _, value = preference.partition(";")[0].partition("=")
            yield name.strip().lower(), value.strip()
