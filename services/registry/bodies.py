"""What callers send: closed shapes, with a bound on every text and every list."""

import re
import unicodedata
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from libs.domain.ids import VendorId
from libs.domain.permissions import Access, AccessWord, Category
from libs.domain.vendor import ReviewKind, Verdict
from libs.runtime.http import GivenInstant, JsonBody

_NAME_CHARACTERS_MAX = 200
_TEXT_CHARACTERS_MAX = 4000
_VENDORS_MAX = 50

# Control, format, surrogate, private, unassigned; line and paragraph separators: two names that look alike
# could differ in them, and a list of names could be rewritten by them.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # but these two are letters' business: Persian needs them, and so do emoji
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _on_a_line(name: str) -> str:
    if any(unicodedata.category(each) in _UNSEEN and each not in _JOINERS for each in name):
        raise ValueError("it holds a control, format or unassigned character")
    return _not_blank(name)


def _legible(text: str) -> str:
    if _CONTROL_IN_TEXT.search(text):
        raise ValueError("it holds a control character")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("it is blank")
    return text


Name: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=_NAME_CHARACTERS_MAX), AfterValidator(_on_a_line)
]
Notes: TypeAlias = Annotated[str, Field(max_length=_TEXT_CHARACTERS_MAX), AfterValidator(_legible)]
Text: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=_TEXT_CHARACTERS_MAX),
    AfterValidator(_legible),
    AfterValidator(_not_blank),
]
Email: TypeAlias = Annotated[
    str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"), AfterValidator(_on_a_line)
]
Website: TypeAlias = Annotated[
    str, Field(max_length=500, pattern=r"^https?://[^\s/]\S*$"), AfterValidator(_on_a_line)
]
Granted: TypeAlias = dict[Category, AccessWord]
VendorIds: TypeAlias = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=40)]], Field(min_length=1, max_length=_VENDORS_MAX)
]


class NewAccount(JsonBody):
    """An account to open."""

    name: Name


class Integrations(JsonBody):
    """The account's one switch."""

    enabled: bool


class NewKey(JsonBody):
    """A subscriber key to make. Without `vendor_ids` any approved vendor may use it."""

    name: Name
    permissions: Granted
    vendor_ids: VendorIds | None = None
    expires_at: GivenInstant | None = None


class KeyChanges(JsonBody):
    """What to change of a subscriber key; what is not named stays, also within `permissions`."""

    name: Name = Field(default_factory=str)
    permissions: Granted = Field(default_factory=dict)
    vendor_ids: VendorIds | None = None
    expires_at: GivenInstant | None = None


class Application(JsonBody):
    """What a developer says of itself when it asks to become a vendor."""

    name: Name
    contact_email: Email
    website: Website
    intended_use: Text
    categories: Annotated[list[Category], Field(min_length=1, max_length=len(Category))]


class NewReview(JsonBody):
    """A reviewer's word on one side of a vendor."""

    kind: ReviewKind
    verdict: Verdict
    notes: Notes = ""


class Reason(JsonBody):
    """Why a vendor is turned down or stopped."""

    reason: Text


def accesses(granted: Granted) -> dict[Category, Access]:
    """Return permissions as the domain says them."""
    return {category: Access.of(word) for category, word in granted.items()}


def vendor_ids_of(given: list[str] | None) -> tuple[VendorId, ...] | None:
    """Return the vendors named, each once, in their order; None stands for any vendor."""
    return None if given is None else tuple(VendorId(vendor_id) for vendor_id in dict.fromkeys(given))
