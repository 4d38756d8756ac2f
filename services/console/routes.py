"""The console's route table: every view of every kind of person."""

from __future__ import annotations

from services.console.activity.decision import decision_views
from services.console.activity.pages import ActivityPages
from services.console.operations.page import OperationsPage
from services.console.owner.api_page import ApiPage
from services.console.owner.keys.views import key_views
from services.console.people.views import people_views
from services.console.reviewer.views import reviewer_views
from services.console.vendor.views import vendor_views
from services.console.web.app import Console
from services.console.web.view import View


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
