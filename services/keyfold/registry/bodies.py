"""What callers send: closed shapes, with a bound on every text and every list."""

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lengths import OVERLAP_MAX_S
from keyfold.domain.lifecycle import vendor as domain
from keyfold.domain.lifecycle.subscriber_key_commands import UNSET, CreateSubscriberKey, EditSubscriberKey
from keyfold.domain.lifecycle.vendor import ReviewKind, Verdict
from keyfold.domain.network import Network, parse_network
from keyfold.domain.permissions import Access, AccessWord, Category, Permissions
from keyfold.domain.rate_limit import BURST_MAX, PER_S_MAX, REQUESTS_MAX, RateLimit
from keyfold.runtime.http import WHOLE, GivenInstant, JsonBody, WholeNumber
from keyfold.runtime.legible import UNSEEN, UNSEEN_IN_PROSE, is_blank
from keyfold.wire.keys.format import MintedKey, holds_key

_NAME_CHARACTERS_MAX = 200
_TEXT_CHARACTERS_MAX = 4000
_VENDORS_MAX = 50
_NETWORKS_MAX = 50


def _on_a_line(name: str) -> str:
    return _no_key(_not_blank(_seen(name, UNSEEN)))


def _prose(text: str) -> str:
    return _no_key(_seen(text, UNSEEN_IN_PROSE))


def _seen(text: str, unseen: re.Pattern[str]) -> str:
    if found := unseen.search(text):
        raise ValueError(f"it holds U+{ord(found[0]):04X}, a character that is not seen")
    return text


def _no_key(text: str) -> str:
    # What is said of a key is recorded for ever, and read by more people than may know its secret.
    if holds_key(text):
        raise ValueError("it holds the secret of a key or of an invitation; say which one it is by its id")
    return text


def _not_blank(text: str) -> str:
    if is_blank(text):
        raise ValueError("it is blank")
    return text


def _described(name: str, what: str, *, min_length: int, max_length: int) -> WithJsonSchema:
    # A format of ours: what is seen and what is not would be a pattern that nobody can read.
    return WithJsonSchema(
        {
            "type": "string",
            "format": name,
            "minLength": min_length,
            "maxLength": max_length,
            "description": f"{what}; no character that is not seen, such as controls and turns of direction",
        }
    )


Name: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=_NAME_CHARACTERS_MAX),
    AfterValidator(_on_a_line),
    _described("line", "not blank", min_length=1, max_length=_NAME_CHARACTERS_MAX),
]
Notes: TypeAlias = Annotated[
    str,
    Field(max_length=_TEXT_CHARACTERS_MAX),
    AfterValidator(_prose),
    _described("prose", "of any lines", min_length=0, max_length=_TEXT_CHARACTERS_MAX),
]
Text: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=_TEXT_CHARACTERS_MAX),
    AfterValidator(_prose),
    AfterValidator(_not_blank),
    _described("prose", "of any lines, not blank", min_length=1, max_length=_TEXT_CHARACTERS_MAX),
]
Email: TypeAlias = Annotated[
    str,
    Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"),
    AfterValidator(_on_a_line),
    _described("contact-email", "somebody@somewhere", min_length=3, max_length=254),
]
Website: TypeAlias = Annotated[
    str,
    Field(max_length=500, pattern=r"^https?://[^\s/]\S*$"),
    AfterValidator(_on_a_line),
    _described("website", "https:// or http:// and no spaces", min_length=8, max_length=500),
]
Granted: TypeAlias = dict[Category, AccessWord]
VendorIds: TypeAlias = Annotated[
    list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,40}$")]], Field(min_length=1, max_length=_VENDORS_MAX)
]


def _a_network(text: str) -> str:
    return str(parse_network(text))


Networks: TypeAlias = Annotated[
    list[
        Annotated[str, Field(max_length=49, json_schema_extra={"format": "cidr"}), AfterValidator(_a_network)]
    ],
    Field(min_length=1, max_length=_NETWORKS_MAX),
]


class NewAccount(JsonBody):
    """An account to open."""

    name: Name


class Integrations(JsonBody):
    """The account's one switch."""

    enabled: bool


class KeyRateLimit(JsonBody):
    """`requests` in every `per_s` seconds, and up to `burst` of them at once: all, where that is left out."""

    requests: WholeNumber = Field(ge=1, le=REQUESTS_MAX)
    per_s: WholeNumber = Field(ge=1, le=PER_S_MAX)
    burst: Annotated[int, Field(ge=1, le=BURST_MAX), WHOLE] | None = None


class NewKey(JsonBody):
    """A subscriber key to make. Without `vendor_ids` any approved vendor may use it, without `networks` from
    anywhere, without `rate_limit` as often as the platform's default says."""

    name: Name
    permissions: Granted = Field(default_factory=dict, description="what is not named is none")
    vendor_ids: VendorIds | None = None
    networks: Networks | None = None
    rate_limit: KeyRateLimit | None = None
    expires_at: GivenInstant | None = None

    def to_command(
        self, account_id: AccountId, minted: MintedKey, *, live_keys_max: int
    ) -> CreateSubscriberKey:
        """Return the command that makes this key with a minted secret."""
        return CreateSubscriberKey(
            account_id=account_id,
            key_id=minted.key_id,
            name=self.name,
            permissions=Permissions.of(accesses(self.permissions)),
            vendor_ids=vendor_ids_of(self.vendor_ids),
            networks=networks_of(self.networks),
            rate_limit=rate_limit_of(self.rate_limit),
            expires_at=self.expires_at,
            digest=minted.digest,
            secret_hint=minted.secret_hint,
            live_keys_max=live_keys_max,
        )


class KeyChanges(JsonBody):
    """What to change of a subscriber key; what is not named stays, also within `permissions`."""

    name: Name = Field(default_factory=str)
    permissions: Granted = Field(default_factory=dict)
    vendor_ids: VendorIds | None = None
    networks: Networks | None = None
    rate_limit: KeyRateLimit | None = None
    expires_at: GivenInstant | None = None

    def to_command(self, account_id: AccountId, key_id: KeyId) -> EditSubscriberKey:
        """Return the command that changes what is named here."""
        named = self.model_fields_set
        return EditSubscriberKey(
            account_id=account_id,
            key_id=key_id,
            name=self.name if "name" in named else UNSET,
            permissions=accesses(self.permissions) if "permissions" in named else UNSET,
            vendor_ids=vendor_ids_of(self.vendor_ids) if "vendor_ids" in named else UNSET,
            networks=networks_of(self.networks) if "networks" in named else UNSET,
            rate_limit=rate_limit_of(self.rate_limit) if "rate_limit" in named else UNSET,
            expires_at=self.expires_at if "expires_at" in named else UNSET,
        )


class Rotation(JsonBody):
    """How long, in seconds, the secret that is replaced works on beside the new one: 0 to 7 days."""

    overlap_s: WholeNumber = Field(ge=0, le=OVERLAP_MAX_S)


class Application(JsonBody):
    """What a developer says of itself when it asks to become a vendor."""

    name: Name
    contact_email: Email
    website: Website
    intended_use: Text
    categories: Annotated[list[Category], Field(min_length=1, max_length=len(Category))]

    def to_domain(self) -> domain.VendorApplication:
        """Return the application as the domain has it, each category once."""
        return domain.VendorApplication(
            name=self.name,
            contact_email=self.contact_email,
            website=self.website,
            intended_use=self.intended_use,
            categories=tuple(dict.fromkeys(self.categories)),
        )


class Amendment(JsonBody):
    """What to change of an application; what is not named stays."""

    name: Name = Field(default_factory=str)
    contact_email: Email = Field(default_factory=str)
    website: Website = Field(default_factory=str)
    intended_use: Text = Field(default_factory=str)
    categories: Annotated[list[Category], Field(min_length=1, max_length=len(Category))] = Field(
        default_factory=list
    )


class NewReview(JsonBody):
    """A reviewer's word on one side of a vendor."""

    kind: ReviewKind
    verdict: Verdict
    notes: Notes = ""


class StatedReason(JsonBody):
    """Why a vendor is turned down or stopped: it reads this, unlike the notes of a review."""

    reason: Text


def accesses(granted: Granted) -> dict[Category, Access]:
    """Return permissions as the domain says them."""
    return {category: Access.of(word) for category, word in granted.items()}


def vendor_ids_of(given: list[str] | None) -> tuple[VendorId, ...] | None:
    """Return the vendors named, each once, in their order; None stands for any vendor."""
    return None if given is None else tuple(VendorId(vendor_id) for vendor_id in dict.fromkeys(given))


def networks_of(given: list[str] | None) -> tuple[Network, ...] | None:
    """Return the networks named, each once, in their order; None stands for anywhere."""
    return None if given is None else tuple(parse_network(network) for network in dict.fromkeys(given))


def rate_limit_of(given: KeyRateLimit | None) -> RateLimit | None:
    """Return the limit as the domain says it; None stands for the platform's default."""
    return None if given is None else RateLimit.of(given.requests, given.per_s, given.burst)
