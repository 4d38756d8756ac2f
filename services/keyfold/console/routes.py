"""The console's route table: the views of every role."""

from __future__ import annotations

from keyfold.console.activity.decision import decision_views
from keyfold.console.activity.pages import ActivityPages
from keyfold.console.operations.page import OperationsPage
from keyfold.console.owner.api_page import ApiPage
from keyfold.console.owner.keys.views import key_views
from keyfold.console.people.views import people_views
from keyfold.console.reviewer.views import reviewer_views
from keyfold.console.vendor.views import vendor_views
from keyfold.console.web.app import Console
from keyfold.console.web.view import View


def views(console: Console) -> list[View]:
    """Return all views."""
    return [
        *ApiPage(console).views(),
        *key_views(console),
        *ActivityPages(console).views(),
        *decision_views(),
        *vendor_views(console),
        *reviewer_views(console),
        *OperationsPage(console).views(),
        *people_views(console),
    ]
