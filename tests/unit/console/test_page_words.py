"""The page's words: those of the docs; and its weight: what a first view loads, and README's picture."""

from __future__ import annotations

import ast
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from jinja2.ext import extract_from_ast

from keyfold.console.web.rendering import environment

ROOT = Path(__file__).parents[3]
CONSOLE = ROOT / "services/keyfold/console"
TEMPLATES = CONSOLE / "templates"
STATIC = CONSOLE / "static"
# What people read; the rest speaks to browsers and services.
SPEAKING = (
    "words.py", "reasons.py", "overlaps.py", "web/failures.py", "activity/sums.py", "activity/places.py",
    "operations/*.py", "owner/**/*.py", "people/*.py", "reviewer/*.py", "vendor/*.py", "sign_in/views.py",
)  # fmt: skip
HEADERS = frozenset({"Location", "Referrer-Policy"})
SENTENCE = re.compile(r"[A-Za-z,] [a-z]|^[A-Z][a-z]+")
DOCS = (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
OWN_SCRIPT_LINES_MAX = 300
ASSETS_BYTES_MAX = 30_000
PICTURE_BYTES_MAX = 150_000
WORD = re.compile(r"[a-z]{2,}")
UNSEEN = re.compile(r"{%[-+]? *trans.*?endtrans *[-+]?%}|{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
MARKUP = re.compile(r"<(code|pre)\b.*?</\1>|<[^>]*>|&\w+;", re.DOTALL)
ENDING = re.compile(r"(ies|ing|ed|es|s|e|y)$")


def stems(text: str) -> set[str]:
    """Return the words of a text, reduced to their stems."""
    return {ENDING.sub("", word) for word in WORD.findall(text.lower())}


def read_texts() -> Iterator[tuple[str, str]]:
    """Return each text of each template and module, without names of values and markup."""
    yield from _said_in_modules()
    for path in sorted(TEMPLATES.rglob("*.html")):
        for _, _, message in extract_from_ast(environment().parse(path.read_text())):
            for text in message if isinstance(message, tuple) else (message,):
                yield path.name, re.sub(r"%\(\w+\)s|<[^>]*>|\bacc_|\bven_", "", text or "")


def _said_in_modules() -> Iterator[tuple[str, str]]:
    for path in (each for part in SPEAKING for each in sorted(CONSOLE.glob(part))):
        tree = ast.parse(path.read_text())
        unsaid = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            match node:
                case ast.Constant(value=str(text)) if id(node) not in unsaid and SENTENCE.search(text):
                    yield path.name, re.sub(r"<[^>]*>", "", text) if text not in HEADERS else ""


def test_words() -> None:
    """The page has no word that README and the docs do not use."""
    used = {stem for path in DOCS for stem in stems(path.read_text())}
    unknown = {(name, stem) for name, text in read_texts() for stem in stems(text) - used}
    assert unknown == set()


def test_texts_can_be_translated() -> None:
    """Every text of a template passes through gettext."""
    for path in sorted(TEMPLATES.rglob("*.html")):
        outside = MARKUP.sub("", UNSEEN.sub("", path.read_text()))
        assert WORD.findall(outside.replace("Keyfold", "").lower()) == [], path.name


def test_weight() -> None:
    """A first view loads little besides the page, and our own script is short."""
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert sum(len(gzip.compress(path.read_bytes(), 6)) for path in files) <= ASSETS_BYTES_MAX
    assert len((STATIC / "console.js").read_text().splitlines()) < OWN_SCRIPT_LINES_MAX


def test_picture() -> None:
    """README shows the page in a picture that is small to load."""
    (picture,) = (ROOT / "docs/images").glob("*.png")
    assert f"docs/images/{picture.name}" in (ROOT / "README.md").read_text()
    assert picture.stat().st_size < PICTURE_BYTES_MAX
