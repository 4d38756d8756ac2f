"""The pages of people and invitations in the console's route table."""

from __future__ import annotations

from keyfold.console.people.invitations import Invitations
from keyfold.console.people.page import People
from keyfold.console.web.app import Console
from keyfold.console.web.view import View


def people_views(console: Console) -> list[View]:
    """Return the rows."""
    return [*People(console).views(), *Invitations().views()]
