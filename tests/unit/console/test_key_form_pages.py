"""The pages of a key's form show what it holds: a browser would send the same form back."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from multidict import MultiDict

from keyfold.console import words
from keyfold.console.owner.keys.vendors import make_offer
from keyfold.console.owner.terms.form import KeyForm
from keyfold.console.web.rendering import render

BERLIN = ZoneInfo("Europe/Berlin")
VENDORS = [{"vendor_id": f"ven_{number}", "name": f'"><b>{number}', "categories": []} for number in range(30)]
ACCESSES = list(words.ACCESSES)
HOSTILE = "\"><script>alert(1)</script> ' & ענבל"


class _Controls(HTMLParser):
    """Collects what a browser would send of a page's forms."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: MultiDict[str] = MultiDict()
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "input" and (of.get("type") not in ("radio", "checkbox") or "checked" in of):
            self.sent.add(of["name"], of["value"])
        if tag == "textarea":
            self._area = of["name"]

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.sent.add(self._area, data)
            self._area = None


def _form(accesses: list[str], **typed: str) -> KeyForm:
    granted = {f"may-{name}": access for name, access in zip(words.CATEGORIES, accesses, strict=True)}
    return KeyForm.read(MultiDict({"name": HOSTILE, "vendor": "ven_29", **granted, **typed}))


def _page(template: str, form: KeyForm, **values: Any) -> KeyForm:
    shown = {
        "session": None,
        "person": None,
        "csrf": "mark",
        "once": "once",
        "version": 3,
        "zone": BERLIN,
        "here": "/",
        "notice": "",
        "is_local": False,
        "has_htmx": False,
        "is_part": False,
        "now": datetime(2026, 11, 30, tzinfo=UTC),
        "form": form,
        "faults": {},
        "vendors": VENDORS,
        "offer": make_offer(VENDORS, form.vendor_ids, ""),
        "find": "",
        "chosen": VENDORS[29:],
        "first_day": "2026-12-01",
        "sentences": [],
        "key": {"name": HOSTILE, "permissions": form.permissions},
        "address": "/key",
        "number": 1,
        "differences": ["It changes."],
        "theirs": [],
        "mine": [],
        "history": None,
        "counts": [],
        "passed": 0,
        "refused": 0,
        "is_partly_told": False,
    }
    page = _Controls()
    page.feed(render(template, {**shown, **values}))
    return KeyForm.read(page.sent)


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("owner/keys/new.html", {"step": "name"}),
        ("owner/keys/new.html", {"step": "permissions"}),
        ("owner/keys/new.html", {"step": "summary"}),
        ("owner/keys/edit.html", {}),
        ("owner/keys/edit.html", {"faults": {"name": "x", "vendor": "x", "networks": "x", "requests": "x"}}),
        ("owner/keys/review.html", {}),
        ("owner/keys/conflict.html", {}),
    ],
)
def test_a_page_sends_back_the_form_that_it_shows(template: str, values: dict[str, Any], turn: int) -> None:
    """Each access to each category, and whatever was typed, comes back unchanged from every page."""
    accesses = [ACCESSES[(turn + number) % len(ACCESSES)] for number in range(len(words.CATEGORIES))]
    full = _form(
        accesses,
        expires="2027-06-01",
        networks="10.0.0.0/8\n::/0",
        requests="1",
        per_s="2",
        burst="3",
        who="any",
    )
    assert _page(template, full, **values) == full
    bare = _form(accesses)
    assert _page(template, bare, **values) == bare


def test_integrations_are_found_by_any_word_of_their_names() -> None:
    """However many integrations there are, a chosen one stays visible, and any other can be found."""
    named = [{"vendor_id": f"ven_{number}", "name": f"Recall {number:03} of Łódź"} for number in range(300)]
    all_of_them = make_offer(named, ["ven_299"], "")
    assert (all_of_them.vendors[0]["vendor_id"], all_of_them.left, all_of_them.is_searched) == (
        "ven_299",
        287,
        True,
    )
    found = make_offer(named, ["ven_299"], " łódź 123 ")
    assert [each["vendor_id"] for each in found.vendors] == ["ven_299", "ven_123"]
    assert not make_offer(named[:12], [], "").is_searched
