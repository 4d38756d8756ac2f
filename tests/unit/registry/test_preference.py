"""Prefer, as RFC 7240 writes it."""

from __future__ import annotations

import pytest

from keyfold.registry.commands.preference import read_wait_s


@pytest.mark.parametrize(
    ("lines", "wait_s"),
    [
        ([], None),
        (["wait=10"], 10),
        (["wait=0"], 0),
        (["WAIT=10"], 10),
        (["respond-async, wait=10"], 10),
        (["respond-async", "wait=10"], 10),
        (["wait = 10 ; foo=bar, return=minimal"], 10),
        (['wait="10"'], 10),
        (["wait=007"], 7),
        (['foo="a, wait=9", wait=10'], 10),
        (['foo="a \\", wait=9", wait=10'], 10),
        (["wait=10, wait=20"], 10),
        (["wait=10", "wait=20"], 10),
        (["wait=31"], 30),
        (["wait=999999999"], 30),
        (["wait=-1"], None),
        (["wait=1.5"], None),
        (["wait=٣"], None),
        (["wait"], None),
        (["wait="], None),
        (['wait="10'], None),
        (["wait=soon, wait=10"], None),
        (["wait=" + "9" * 5000], 30),
        (["waiter=10"], None),
        (['foo="unended, wait=10'], None),
    ],
)
def test_wait(lines: list[str], wait_s: int | None) -> None:
    """The first preference named wait counts; what cannot be read is none, and more than 30 s is 30 s."""
    assert read_wait_s(lines) == wait_s


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "line", ['"\\' * 16_000, '"' * 32_000, "," * 32_000, 'a="' * 10_000, "0" * 32_000 + "x"]
)
def test_long_nonsense(line: str) -> None:
    """A line as long as a header may be is read in no time, whatever it holds."""
    assert read_wait_s([line]) is None
    assert read_wait_s([f"wait={line}"]) is None
