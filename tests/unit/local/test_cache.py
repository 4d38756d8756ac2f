"""The local stack's cache directory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from keyfold.local.extra import CannotRunHere
from keyfold.local.servers.cache import cache_dir


def test_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_CACHE_HOME names it, if that is absolute, whatever its path contains."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "Häuser und mehr"))
    assert cache_dir() == tmp_path / "Häuser und mehr" / "keyfold"
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert cache_dir() == tmp_path / ".cache" / "keyfold"


def test_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the home directory cannot be written to, it is in the Python environment."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for home in (tmp_path / "file", tmp_path / "a:b"):
        monkeypatch.setenv("HOME", str(home))
        assert cache_dir() == tmp_path / "venv" / "cache" / "keyfold"


@pytest.mark.parametrize("name", ["file", "a:b"])
def test_unusable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A named directory that cannot be used is refused in one line: which, why, and what to set."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
    with pytest.raises(CannotRunHere, match=rf"\AKafka's jars .*{name}.*: .+XDG_CACHE_HOME\Z"):
        cache_dir()
