"""The pages of people and invitations in the console's route table."""

from __future__ import annotations

from keyfold.console.people.invitations import InvitationPages
from keyfold.console.people.page import PeoplePages
from keyfold.console.web.app import Console
from keyfold.console.web.view import View


def people_views(console: Console) -> list[View]:
    """Return the rows."""
    return [*PeoplePages(console).views(), *InvitationPages().views()]
