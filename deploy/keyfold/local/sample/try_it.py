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


_SETTINGS: Final = {
    PREFIX + name for name in ("DIR", "TOKEN", "ACCOUNT", "VENDOR", "POSTGRES_DSN", "KAFKA_BOOTSTRAP")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TryIt:
    """Shell commands to try the sample practice's keys."""

    passes: str
    is_refused: str
    shows_both: str


def try_it(sample: Sample, *, gateway: str, state_dir: Path) -> TryIt:
    """Return commands that work when pasted in this directory; ``gateway`` is the gateway's address."""
    keys = f"-H 'x-api-key: {sample.vendor_secret}' -H 'A-api-key: {sample.key_secret}'"
    account = f" --account {sample.account_id}" if _has_own_settings() else ""
    return TryIt(
        passes=f"curl {gateway}{PASSES} {keys}",
        is_refused=f"curl -i {gateway}{REFUSED} {keys}",
        shows_both=f"{_find_command()} activity{account}{_dir_option(state_dir.resolve())}",
    )


def _find_command() -> str:
    """Return how to call this environment's `keyfold` from this directory."""
    beside_python = Path(sys.executable).parent / "keyfold"
    on_path = shutil.which("keyfold")
    if on_path is not None and Path(on_path).resolve() == beside_python.resolve():
        return "keyfold"
    beside_us = os.path.relpath(beside_python)
    return shlex.quote(str(beside_python) if beside_us.startswith(os.path.pardir) else beside_us)


def _dir_option(state_dir: Path) -> str:
    home, here = state_dir.parent, Path.cwd()
    is_found = home in (here, *here.parents) and not _has_own_settings()
    return "" if is_found else f" --dir {shlex.quote(str(home))}"


def _has_own_settings() -> bool:
    """Tell whether the environment has settings that would override this directory's stack."""
    names = [name for name in os.environ if name.startswith(PREFIX)]
    return any(name in _SETTINGS or name.endswith("_URL") for name in names)
