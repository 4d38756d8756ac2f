"""Which characters are visible, by Unicode's data, whatever tables this Python has."""

from __future__ import annotations

import unicodedata

import pytest

from keyfold.runtime.legible import UNSEEN, UNSEEN_IN_PROSE, is_blank

NEVER_SEEN = {"Cc", "Cs", "Co", "Zl", "Zp"}
# Signs that stand above or below the digits behind them, and what lays hieroglyphs out.
SEEN_FORMATS = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
SEEN_FORMATS |= {*range(0x13430, 0x13440), 0x200C, 0x200D}
FILLERS = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}


def test_every_character() -> None:
    """What a table calls a control or a format is invisible, but for some; all else assigned is visible."""
    for code in range(0x110000):
        category = unicodedata.category(chr(code))
        is_format = category == "Cf" and code not in SEEN_FORMATS
        is_noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
        if category in NEVER_SEEN or is_format or is_noncharacter or code in FILLERS:
            assert UNSEEN.match(chr(code)), hex(code)
        elif category != "Cn":
            assert not UNSEEN.match(chr(code)), hex(code)


@pytest.mark.parametrize("character", ["\u0378", "\U0001faea", "\U0003fffd", "\U00040000"])
def test_what_is_not_assigned_yet_is_seen(character: str) -> None:
    """An unassigned character is visible: it will be a letter or a sign, which some Pythons know already."""
    assert not UNSEEN.match(character)


@pytest.mark.parametrize("character", ["\u2065", "\ufff0", "\U000e0002", "\U000e0fff"])
def test_what_is_kept_for_the_unseen_is_unseen(character: str) -> None:
    """Ranges that Unicode reserves for invisible characters are invisible."""
    assert UNSEEN.match(character)


def test_lines() -> None:
    """A text of several lines may have line ends and tabs, and nothing else that is invisible."""
    assert not UNSEEN_IN_PROSE.search("one\r\n\ttwo")
    assert UNSEEN_IN_PROSE.search("one\x0btwo")
    assert UNSEEN_IN_PROSE.search("one\u202etwo")


@pytest.mark.parametrize("text", ["", " ", "\t\r\n", "\u00a0\u3000", "\u200d", "\ufe0f \u200c", "\U000e0100"])
def test_blank(text: str) -> None:
    """Spaces, and characters that only join or modify letters, leave a text blank."""
    assert is_blank(text)
    assert not is_blank(text + "x")
