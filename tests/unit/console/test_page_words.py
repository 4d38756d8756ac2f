"""The page's words: those of the docs; and its weight: what a first view loads, and README's picture."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from jinja2.ext import extract_from_ast

from services.console.web.rendering import environment

ROOT = Path(__file__).parents[3]
TEMPLATES = ROOT / "services/console/templates"
STATIC = ROOT / "services/console/static"
DOCS = (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
OWN_SCRIPT_LINES_MAX = 300
ASSETS_BYTES_MAX = 30_000
PICTURE_BYTES_MAX = 150_000
WORD = re.compile(r"[a-z]{2,}")
UNSEEN = re.compile(r"{%[-+]? *trans.*?endtrans *[-+]?%}|{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
MARKUP = re.compile(r"<(code|pre)\b.*?</\1>|<[^>]*>|&\w+;", re.DOTALL)
ENDING = re.compile(r"(ies|ing|ed|es|s|e|y)$")


def stems(text: str) -> set[str]:
    """Return the words of a text, in whatever form they stand."""
    return {ENDING.sub("", word) for word in WORD.findall(text.lower())}


def said() -> Iterator[tuple[str, str]]:
    """Return each text of each template, without names of values and markup."""
    for path in sorted(TEMPLATES.rglob("*.html")):
        for _, _, message in extract_from_ast(environment().parse(path.read_text())):
            for text in message if isinstance(message, tuple) else (message,):
                yield path.name, re.sub(r"%\(\w+\)s|<[^>]*>|\bacc_|\bven_", "", text or "")


def test_words() -> None:
    """No word is on the page that README and the docs do not use."""
    used = {stem for path in DOCS for stem in stems(path.read_text())}
    unknown = {(name, stem) for name, text in said() for stem in stems(text) - used}
    assert unknown == set()


def test_texts_can_be_translated() -> None:
    """No template has a text of its own that does not pass through gettext."""
    for path in sorted(TEMPLATES.rglob("*.html")):
        outside = MARKUP.sub("", UNSEEN.sub("", path.read_text()))
        assert WORD.findall(outside.replace("Keyfold", "").lower()) == [], path.name


def test_weight() -> None:
    """What a first view loads besides the page is small, and our own script is short."""
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert sum(len(gzip.compress(path.read_bytes(), 6)) for path in files) <= ASSETS_BYTES_MAX
    assert len((STATIC / "console.js").read_text().splitlines()) < OWN_SCRIPT_LINES_MAX


def test_picture() -> None:
    """README shows the page, in a picture that does not weigh on a visit."""
    (picture,) = (ROOT / "docs/images").glob("*.png")
    assert f"docs/images/{picture.name}" in (ROOT / "README.md").read_text()
    assert picture.stat().st_size < PICTURE_BYTES_MAX
