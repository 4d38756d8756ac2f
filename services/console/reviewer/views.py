"""The reviewers' pages in the console's route table."""

from __future__ import annotations

from services.console.reviewer.desk import Desk
from services.console.reviewer.queue import Queue
from services.console.web.app import Console
from services.console.web.view import View


def reviewer_views(console: Console) -> list[View]:
    """Return the rows."""
    return [*Queue().views(), *Desk(console).views()]
