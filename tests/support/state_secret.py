"""The secret that tests seal read models with."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from keyfold.store.access_log.completeness.sealed_sums import LogSeal
from keyfold.wire.proof.state_digest import StateSecret

_BYTES: Final = bytes(range(32))
LOG_SEAL: Final = LogSeal(_BYTES)
STATE_SECRET: Final = StateSecret(_BYTES)


def write_state_secret(directory: Path) -> Path:
    """Write the secret into a file of a directory, and return its path."""
    path = directory / "state-secret"
    path.write_text(_BYTES.hex())
    return path
