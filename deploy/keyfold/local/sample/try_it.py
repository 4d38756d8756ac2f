"""Three commands to paste: a request that passes, one that is refused, and the log that shows both."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keyfold.local.sample.record import Sample
from keyfold.runtime.settings.base import PREFIX

PASSES: Final = "/v1/appointment"
REFUSED: Final = "/v1/note"


_SPEAKING: Final = {
    PREFIX + name for name in ("DIR", "TOKEN", "ACCOUNT", "VENDOR", "POSTGRES_DSN", "KAFKA_BOOTSTRAP")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TryIt:
    """Shell commands for the sample practice's keys."""

    passes: str
    is_refused: str
    shows_both: str


def try_it(sample: Sample, *, gateway: str, state_dir: Path) -> TryIt:
    """Return commands that work as pasted from this directory; ``gateway`` is its address."""
    keys = f"-H 'x-api-key: {sample.vendor_secret}' -H 'A-api-key: {sample.key_secret}'"
    account = f" --account {sample.account_id}" if _environment_speaks() else ""
    return TryIt(
        passes=f"curl {gateway}{PASSES} {keys}",
        is_refused=f"curl -i {gateway}{REFUSED} {keys}",
        shows_both=f"{_keyfold()} activity{account}{_directory(state_dir.resolve())}",
    )


def _keyfold() -> str:
    """Return how this environment's command is called here."""
    beside_python = Path(sys.executable).parent / "keyfold"
    on_path = shutil.which("keyfold")
    if on_path is not None and Path(on_path).resolve() == beside_python.resolve():
        return "keyfold"
    beside_us = os.path.relpath(beside_python)
    return shlex.quote(str(beside_python) if beside_us.startswith(os.path.pardir) else beside_us)


def _directory(state_dir: Path) -> str:
    home, here = state_dir.parent, Path.cwd()
    is_found = home in (here, *here.parents) and not _environment_speaks()
    return "" if is_found else f" --dir {shlex.quote(str(home))}"


def _environment_speaks() -> bool:
    """Tell whether settings are about, which would go before the stack of this directory."""
    names = [name for name in os.environ if name.startswith(PREFIX)]
    return any(name in _SPEAKING or name.endswith("_URL") for name in names)
