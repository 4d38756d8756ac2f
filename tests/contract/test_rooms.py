"""What keeps the house one that a newcomer finds the way in: small folders, and one thing for each name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CODE: Final = ("libs", "services", "deploy")
FILES_MAX: Final = 16
LINES_MAX: Final = 300


def modules(*rooms: str) -> Iterator[Path]:
    """Yield every Python file of these rooms, by its path in the repository."""
    for room in rooms:
        yield from (path.relative_to(ROOT) for path in sorted((ROOT / room).rglob("*.py")))


def test_folders_are_small() -> None:
    """A folder holds sixteen Python files at most: one that needs more holds two things."""
    folders: defaultdict[Path, list[Path]] = defaultdict(list)
    for path in modules(*CODE, "tests"):
        folders[path.parent].append(path)
    assert {str(folder): len(files) for folder, files in folders.items() if len(files) > FILES_MAX} == {}


def test_files_are_short() -> None:
    """A Python file has three hundred lines at most: one that needs more holds two things."""
    lines = {str(path): len((ROOT / path).read_text().splitlines()) for path in modules(*CODE, "tests")}
    assert {path: count for path, count in lines.items() if count > LINES_MAX} == {}


def test_tests_share_by_way_of_support() -> None:
    """No file imports a test's file or a conftest: what more than one of them needs stands in support."""
    for path in modules("tests"):
        for node in ast.walk(ast.parse((ROOT / path).read_bytes())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
                names = [node.module or "", *(alias.name for alias in node.names)]
                last = [name.rpartition(".")[2] for name in names]
                assert not [name for name in last if name.startswith("test_") or name == "conftest"], path


def test_a_class_name_stands_once() -> None:
    """No two classes have one name: whoever reads or searches for it finds the one thing that it means."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in modules(*CODE):
        for node in ast.walk(ast.parse((ROOT / path).read_bytes())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}
