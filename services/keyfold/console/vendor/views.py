"""The vendor's pages in the console's route table."""

from __future__ import annotations

from keyfold.console.vendor.applying import Applying
from keyfold.console.vendor.keys import VendorKeyPages
from keyfold.console.vendor.page import OwnVendorPage
from keyfold.console.web.app import Console
from keyfold.console.web.view import View


def vendor_views(console: Console) -> list[View]:
    """Return the rows; reviewers have those of its keys too."""
    return [*OwnVendorPage().views(), *Applying().views(), *VendorKeyPages(console).views()]
