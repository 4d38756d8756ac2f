"""What a vendor says of itself, as a form has it and as the registry takes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from multidict import MultiDictProxy

from keyfold.console import words
from keyfold.console.upstream.failures import JsonObject

CONTACT: Final = ("contact_email", "website")
"""What a vendor may change once it is approved: the rest is what was reviewed."""
_NEEDED: Final = {
    "name": "Write the name that practices will see.",
    "contact_email": "Write an e-mail address at which you are reached, such as api@example.com.",
    "website": "Write the address of your website, beginning with https://.",
    "intended_use": "Write what your software does with the data.",
    "categories": "Choose at least one kind of data.",
}
CHARACTERS_MAX: Final = {"name": 200, "contact_email": 254, "website": 500, "intended_use": 4000}
"""The limits of the registry."""
_FORMS: Final = {
    "contact_email": re.compile(r"[^@\s]+@[^@\s]+"),
    "website": re.compile(r"https?://[^\s/]\S*"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationForm:
    """An application as it was typed: it may be wrong."""

    name: str = ""
    contact_email: str = ""
    website: str = ""
    intended_use: str = ""
    categories: Sequence[str] = ()

    @classmethod
    def of_form(cls, form: MultiDictProxy[str]) -> ApplicationForm:
        """Return the application in a form. A browser ends lines with CRLF, the registry keeps LF."""
        return cls(
            name=form.get("name", "").strip(),
            contact_email=form.get("contact_email", "").strip(),
            website=form.get("website", "").strip(),
            intended_use=form.get("intended_use", "").replace("\r\n", "\n").strip(),
            categories=[each for each in words.CATEGORIES if each in form.getall("categories", [])],
        )

    @classmethod
    def of_vendor(cls, vendor: JsonObject) -> ApplicationForm:
        """Return the application that the registry has."""
        return cls(**{field.name: vendor[field.name] for field in fields(cls)})

    def body(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the fields of these names as the registry takes them."""
        return {name: getattr(self, name) for name in names}

    def faults(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return in words what can be seen here to be wrong with these fields; the registry knows more."""
        found = {name: self._fault(name) for name in names}
        return {name: fault for name, fault in found.items() if fault is not None}

    def _fault(self, name: str) -> str | None:
        value = getattr(self, name)
        if not value or (name in _FORMS and not _FORMS[name].fullmatch(value)):
            return _NEEDED[name]
        if name in CHARACTERS_MAX and len(value) > CHARACTERS_MAX[name]:
            return f"Shorten it to {CHARACTERS_MAX[name]:,} characters."
        return None

    def differences(self, other: ApplicationForm, names: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """Return each of these fields that differs from the other's: as it is here, and there."""
        pairs = {name: (self.said(name), other.said(name)) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def said(self, name: str) -> str:
        """Return a field in words."""
        value = getattr(self, name)
        return value if isinstance(value, str) else words.join_words(map(words.category, sorted(value)))


FIELDS: Final = tuple(field.name for field in fields(ApplicationForm))
"""Every field, in the order of the form."""


def amendable(state: str) -> Sequence[str]:
    """Return the fields that a vendor in this state may change; none if rejected, as it applies again."""
    return {"applied": FIELDS, "rejected": ()}.get(state, CONTACT)
