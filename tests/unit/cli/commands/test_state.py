"""What a local stack keeps in its directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keyfold.local.extra import CannotRunHere
from keyfold.local.state import StateDir


def test_idempotency_secret(tmp_path: Path) -> None:
    """The secret is made once, kept from one start to the next, and only its user can read it."""
    secret = StateDir(tmp_path).idempotency_secret()
    assert len(secret) >= 32
    assert StateDir(tmp_path).idempotency_secret() == secret
    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_unusable(tmp_path: Path) -> None:
    """A directory that cannot be used, or whose path is not text, is refused in one line that names it."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / ".keyfold", tmp_path / os.fsdecode(b"\xe4") / ".keyfold"):
        with pytest.raises(CannotRunHere, match=r"\A.*\.keyfold.*\Z"), StateDir(path).hold():
            pass
