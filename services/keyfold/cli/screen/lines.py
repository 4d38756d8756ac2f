"""Breaking text into lines: between words, and never within what somebody may want to copy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from rich.cells import cell_len, split_graphemes
from rich.text import Text

WORD: Final = re.compile(r"(?:\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?Z|\S)+\s*")
"""A time is one word, though there is a space in it."""

WORD_MAX: Final = 40
"""The longest id; a narrow column may break longer words, such as paths, over several lines."""


def width_of(text: str) -> int:
    """Return how many columns a text takes at most: fewer on a terminal that joins emoji."""
    return cell_len(text.replace("\u200d", ""))


def words(text: str) -> list[str]:
    """Return a text's words, each without the spaces after it."""
    return [found[0].rstrip() for found in WORD.finditer(text)]


def widest_word(text: str) -> int:
    """Return the width of the widest word that must not be broken."""
    widths = [width_of(word) for word in words(text)]
    return max((width for width in widths if width <= WORD_MAX), default=0)


def break_lines(text: Text, width: int, *, folds: bool = False) -> list[Text]:
    """Return a text in lines of this width. A longer word gets its own line, or with ``folds`` several."""
    lines: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        for part in line.divide(_breaks(line.plain, width, folds=folds)):
            part.rstrip()
            lines.append(part)
    return lines


def _breaks(line: str, width: int, *, folds: bool) -> Iterator[int]:
    used = 0
    for found in WORD.finditer(line):
        word, start = found[0], found.start()
        wide = width_of(word.rstrip())
        if used and used + wide > width:
            yield start
            used = 0
        if folds and wide > width:
            pieces = chop(word.rstrip(), width)
            yield from (start + length for length in accumulate(map(len, pieces[:-1])))
            used, wide = 0, width_of(pieces[-1])
        used += wide + len(word) - len(word.rstrip())


def chop(word: str, width: int) -> list[str]:
    """Return a word in pieces that fit, never cutting a character as a person sees it."""
    pieces = [""]
    for start, end, _ in split_graphemes(word)[0]:
        if pieces[-1] and width_of(pieces[-1] + word[start:end]) > width:
            pieces.append("")
        pieces[-1] += word[start:end]
    return pieces
