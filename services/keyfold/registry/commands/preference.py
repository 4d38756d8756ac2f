"""Prefer: how long a caller would wait for its command to be in force everywhere (RFC 7240)."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

HEADER: Final = "Prefer"
APPLIED: Final = "Preference-Applied"
WAIT_MAX_S: Final = 30

# Up to a comma outside of quotes; quotes that are not closed run to the end of the line.
_PREFERENCE: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_SECONDS: Final = re.compile(r'(?P<quote>"?)(?P<digits>[0-9]+)(?P=quote)', re.ASCII)


def read_wait_s(prefer: Sequence[str]) -> int | None:
    """Return how many seconds the header's lines ask to wait, at most 30; None where they do not.

    A malformed preference is ignored, and of several the first counts, as the RFC says.
    """
    for name, value in _split(prefer):
        if name == "wait":
            seconds = _SECONDS.fullmatch(value)
            return None if seconds is None else _clamp(seconds["digits"])
    return None


def _clamp(digits: str) -> int:
    # Cut the text first: a very long one takes long to convert, and Python refuses to.
    significant = digits.lstrip("0")[: len(str(WAIT_MAX_S)) + 1]
    return min(int(significant or "0"), WAIT_MAX_S)


def _split(prefer: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in prefer:
        for preference in _PREFERENCE.findall(line):
            name, _, value = preference.partition(";")[0].partition("=")
            yield name.strip().lower(), value.strip()
