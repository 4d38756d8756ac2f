"""Which characters a text may hold, so that a reader sees all of it: one rule for recording and for showing.

The ranges are written out, as Unicode data differ between Python versions (docs/decisions/0021).
"""

from __future__ import annotations

import re
from typing import Final

_UNSEEN: Final = (
    (0x00, 0x1F),  # controls
    (0x7F, 0x9F),
    (0xAD, 0xAD),  # soft hyphen
    (0x34F, 0x34F),  # combining grapheme joiner
    (0x61C, 0x61C),  # Arabic letter mark
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # inherent vowels of Khmer
    (0x180E, 0x180E),  # Mongolian vowel separator
    (0x200B, 0x200B),  # zero width space; the joiners behind it are letters' business
    (0x200E, 0x200F),  # marks, embeddings, overrides and isolates of a text's direction
    (0x2028, 0x202E),  # with line and paragraph separators
    (0x2060, 0x206F),  # word joiner to nominal digit shapes
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xF8FF),  # surrogates, private use
    (0xFDD0, 0xFDEF),  # noncharacters
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),  # Hangul filler of half width
    (0xFFF0, 0xFFFB),  # kept for what is ignored; interlinear annotations
    (0x1BCA0, 0x1BCA3),  # shorthand's format controls
    (0x1D173, 0x1D17A),  # music's
    (0xE0000, 0xE00FF),  # tags, and what is kept for the like
    (0xE01F0, 0xE0FFF),
    (0xF0000, 0x10FFFF),  # private use
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0, 0xF0000, 0x10000)),  # noncharacters
)
_SPACES: Final = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# Joiners, and selectors of a letter's or an emoji's form: by themselves they are invisible too.
_CLINGING: Final = "\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"

UNSEEN: Final = re.compile(f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in _UNSEEN)}]")
"""An invisible character, which a name must not hold: two names that look alike could differ in it."""

UNSEEN_IN_PROSE: Final = re.compile(rf"(?![\t\n\r]){UNSEEN.pattern}")
"""The same for a text of several lines, which may hold tabs and line ends."""

_BLANK: Final = re.compile(f"[{_SPACES}{_CLINGING}]*")


def is_blank(text: str) -> bool:
    """Tell whether a text has no visible character."""
    return _BLANK.fullmatch(text) is not None
