"""The operating guide names every setting, and none that does not exist."""

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from libs.runtime.settings import PREFIX
from services.audit.settings import AuditSettings
from services.gatekeeper.settings import GatekeeperSettings
from services.projection.settings import ProjectionSettings
from services.registry.settings import RegistrySettings
from services.relay.settings import RelaySettings
from services.shipper.settings import ShipperSettings

SERVICES: tuple[type[BaseSettings], ...] = (
    AuditSettings,
    GatekeeperSettings,
    ProjectionSettings,
    RegistrySettings,
    RelaySettings,
    ShipperSettings,
)
DOCUMENTED = set(re.findall(r"KEYFOLD_[A-Z_]+", Path("docs/operating.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("settings", SERVICES, ids=lambda settings: settings.__name__)
def test_every_setting_is_documented(settings: type[BaseSettings]) -> None:
    """An operator finds each variable that a service reads."""
    assert {PREFIX + name.upper() for name in settings.model_fields} <= DOCUMENTED


def test_no_setting_is_documented_that_no_service_reads() -> None:
    """What the guide names does something."""
    assert {PREFIX + name.upper() for each in SERVICES for name in each.model_fields} >= DOCUMENTED
