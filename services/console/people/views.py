"""The pages of people and invitations in the console's route table."""

from __future__ import annotations

from services.console.people.invitations import Invitations
from services.console.people.page import People
from services.console.web.app import Console
from services.console.web.view import View


def people_views(console: Console) -> list[View]:
    """Return the rows."""
    return [*People(console).views(), *Invitations().views()]
