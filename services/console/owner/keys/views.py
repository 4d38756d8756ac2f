"""The rows of the route table for an owner's keys."""

from __future__ import annotations

from services.console.owner.keys.edit import EditPage
from services.console.owner.keys.new import NewKeyPage
from services.console.owner.keys.page import KeyPage
from services.console.owner.keys.revoke import RevokePage, StopPage
from services.console.owner.keys.rotate import RotatePage
from services.console.owner.keys.secret import SecretPage
from services.console.web.app import Console
from services.console.web.enforcing import Enforcing
from services.console.web.view import View


def key_views(console: Console) -> list[View]:
    """Return them."""
    secrets, enforcing = SecretPage(console), Enforcing(console.clock)
    return [
        *NewKeyPage(secrets).views(),
        *secrets.views(),
        *KeyPage(console).views(),
        *EditPage().views(),
        *RotatePage(secrets).views(),
        *RevokePage(enforcing).views(),
        *StopPage(enforcing).views(),
    ]
