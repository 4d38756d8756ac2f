"""The reviewers' pages in the console's route table."""

from __future__ import annotations

from keyfold.console.reviewer.desk import ReviewPage
from keyfold.console.reviewer.queue import Queue
from keyfold.console.web.app import Console
from keyfold.console.web.view import View


def reviewer_views(console: Console) -> list[View]:
    """Return the rows."""
    return [*Queue().views(), *ReviewPage(console).views()]
