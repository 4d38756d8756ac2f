"""The operating guide names every setting, and none that does not exist."""

import re
from pathlib import Path

import pytest

from keyfold.runtime.settings.base import PREFIX
from keyfold.runtime.settings.known import SETTINGS
from tests.support.settings.services import EVERY_PART, variables

READ = {variable for settings in EVERY_PART.values() for variable in variables(settings)}
GATEWAYS = {
    name.rstrip("_")
    for path in Path("deploy/keyfold/gateways").rglob("*")
    if path.is_file()
    for name in re.findall(r"KEYFOLD_[A-Z0-9_]+", path.read_text(encoding="utf-8"))
}
DOCUMENTED = set(re.findall(r"KEYFOLD_[A-Z_]+", Path("docs/operating.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("part", EVERY_PART)
def test_every_setting_is_documented(part: str) -> None:
    """An operator finds each variable that a service, or the command line, reads."""
    assert variables(EVERY_PART[part]) <= DOCUMENTED


def test_no_setting_is_documented_that_no_service_reads() -> None:
    """What the guide names does something."""
    assert READ >= DOCUMENTED


def test_every_setting_is_known_to_all() -> None:
    """No service takes the setting of another, or a gateway's, for a typo."""
    assert {PREFIX + name for name in SETTINGS} == READ | GATEWAYS
