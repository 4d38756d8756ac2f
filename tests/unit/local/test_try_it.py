"""The screen's three commands work, whatever the shell that they are pasted into has set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keyfold.local.sample.record import Sample
from keyfold.local.sample.try_it import try_it

SAMPLE = Sample(
    account_id="acc_1",
    account_name="Harbour Street Dental",
    vendor_id="ven_1",
    vendor_name="Recall Reminders",
    vendor_key_id="key_1",
    vendor_secret="kfv_live_1",
    key_id="key_2",
    key_name="Front desk",
    key_secret="kfs_live_2",
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a directory of the test's own, without any settings of Keyfold's."""
    for name in [name for name in os.environ if name.startswith("KEYFOLD_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def activity(state_dir: Path) -> str:
    """Return what follows the program's name in the third command."""
    command = try_it(SAMPLE, gateway="http://127.0.0.1:1", state_dir=state_dir).shows_both
    return command[command.index(" activity") + 1 :]


def test_here(here: Path) -> None:
    """Next to the stack, the command needs only its name; elsewhere it names the directory."""
    assert activity(here / ".keyfold") == "activity"
    assert activity(here / "with space" / ".keyfold") == f"activity --dir '{here}/with space'"


@pytest.mark.parametrize("name", ["KEYFOLD_ACCOUNT", "KEYFOLD_TOKEN", "KEYFOLD_DIR", "KEYFOLD_REGISTRY_URL"])
def test_environment(here: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The environment takes precedence over a directory's stack, so the command then names what it means."""
    monkeypatch.setenv(name, "else")
    assert activity(here / ".keyfold") == f"activity --account acc_1 --dir {here}"
