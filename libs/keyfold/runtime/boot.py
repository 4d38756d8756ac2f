"""Which time the machine is up: what the kernel held is still there, unless that has changed."""

from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Return a word that is another one after every start of the machine; empty where none is told."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
