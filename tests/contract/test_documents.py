"""Documents are wrapped, and what they point at is there."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

import keyfold

WIDTH = 120
CODE_WIDTH = 140
TOLD_TO_ALL = re.compile(
    r"""-H ["'](?:Authorization|X-Gateway-Token|Cookie|\$OWNER)|--data[-a-z]* "token=|PGPASSWORD="""
)
ROOMS = (".github", "deploy", "docs", "libs", "services", "tests")
DOCUMENTS = sorted([*Path().glob("*.md"), *(path for room in ROOMS for path in Path(room).rglob("*.md"))])
FILES = {path.name for room in ROOMS for path in Path(room).rglob("*") if path.is_file()}
PACKAGES = [each.name for each in pkgutil.iter_modules(keyfold.__path__)]

FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
PATH = re.compile(rf"(?:{'|'.join(map(re.escape, ROOMS))})/[\w./*-]*")
FILE = re.compile(r"[\w-]+\.(?:py|sql)")
MODULE = re.compile(rf"\b(?:keyfold\.(?:{'|'.join(PACKAGES)})|tests\.[a-z]\w+)(?:\.\w+)*")

# It also says what was called how before.
CHANGELOG = Path("CHANGELOG.md")

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=str)


def anchors(document: Path) -> set[str]:
    """Return the fragments that a document's headings can be reached by."""
    text = FENCED.sub("", document.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def is_there(name: str) -> bool:
    """Return whether a dotted name is a module, or something in one."""
    try:
        import_module(name)
    except ImportError:
        module, _, member = name.rpartition(".")
        return bool(module) and is_there(module) and hasattr(import_module(module), member)
    return True


@every_document
def test_prose_is_wrapped(document: Path) -> None:
    """A line has at most 120 characters, unless it is a row, code, or one word that cannot be broken."""
    prose = FENCED.sub("", document.read_text(encoding="utf-8")).splitlines()
    assert [line for line in prose if len(line) > WIDTH and not re.match(r" *\||[ >*-]*\S+$", line)] == []


@every_document
def test_code_is_narrow(document: Path) -> None:
    """A line of code has at most 140 characters."""
    code = "".join(FENCED.findall(document.read_text(encoding="utf-8"))).splitlines()
    assert [line for line in code if len(line) > CODE_WIDTH] == []


@every_document
def test_no_secret_is_an_argument(document: Path) -> None:
    """No command has a token among its arguments, where everybody on the machine can list it."""
    code = "".join(FENCED.findall(document.read_text(encoding="utf-8"))).splitlines()
    assert [line for line in code if TOLD_TO_ALL.search(line)] == []


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    """The file that a link names is there, and so is the heading."""
    for name, fragment in LINK.findall(FENCED.sub("", document.read_text(encoding="utf-8"))):
        target = document.parent / name if name else document
        assert target.exists(), name
        assert not fragment or fragment in anchors(target), f"{name}#{fragment}"


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each != CHANGELOG], ids=str)
def test_names_in_the_repository_are_right(document: Path) -> None:
    """A path, a file or a module that a document names exists."""
    text = document.read_text(encoding="utf-8")
    quoted = QUOTED.findall(FENCED.sub("", text))
    assert [each for each in quoted if PATH.fullmatch(each) and not any(Path().glob(each))] == []
    assert [each for each in quoted if FILE.fullmatch(each) and each not in FILES] == []
    assert [each for each in MODULE.findall(text) if not is_there(each)] == []
