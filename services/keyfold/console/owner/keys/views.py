"""The rows of the route table for an owner's keys."""

from __future__ import annotations

from keyfold.console.owner.keys.edit import EditPage
from keyfold.console.owner.keys.new import NewKeyPage
from keyfold.console.owner.keys.page import OneKeyPage
from keyfold.console.owner.keys.revoke import RevokePage, StopPage
from keyfold.console.owner.keys.rotate import RotatePage
from keyfold.console.owner.keys.secret import SecretPage
from keyfold.console.web.app import Console
from keyfold.console.web.enforcing import Enforcing
from keyfold.console.web.view import View


def key_views(console: Console) -> list[View]:
    """Return the rows."""
    secrets, enforcing = SecretPage(console), Enforcing(console.clock)
    return [
        *NewKeyPage(secrets).views(),
        *secrets.views(),
        *OneKeyPage(console).views(),
        *EditPage().views(),
        *RotatePage(secrets).views(),
        *RevokePage(enforcing).views(),
        *StopPage(enforcing).views(),
    ]
