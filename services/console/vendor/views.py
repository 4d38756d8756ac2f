"""The vendor's pages in the console's route table."""

from __future__ import annotations

from services.console.vendor.applying import Applying
from services.console.vendor.keys import VendorKeyPages
from services.console.vendor.page import VendorPage
from services.console.web.app import Console
from services.console.web.view import View


def vendor_views(console: Console) -> list[View]:
    """Return the rows; those of its keys are a reviewer's too."""
    return [*VendorPage().views(), *Applying().views(), *VendorKeyPages(console).views()]
