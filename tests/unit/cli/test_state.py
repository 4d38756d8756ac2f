"""What a local stack remembers in its directory."""

from __future__ import annotations

from pathlib import Path

from services.cli.local.state import StateDir


def test_idempotency_secret(tmp_path: Path) -> None:
    """The secret is made once, kept from one start to the next, and readable for its user alone."""
    secret = StateDir(tmp_path).idempotency_secret()
    assert len(secret) >= 32
    assert StateDir(tmp_path).idempotency_secret() == secret
    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
