"""What callers get: accounts, keys and vendors as each of them may see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field, RootModel

from libs.domain.account import Account
from libs.domain.permissions import NO_PERMISSIONS, AccessWord, Category
from libs.domain.subscriber_key import ActiveSubscriberKey, SubscriberKey
from libs.domain.vendor import Review, ReviewKind, Vendor, VendorState, Verdict
from libs.domain.vendor_key import ActiveVendorKey, VendorKey
from libs.runtime.http import Instant, JsonBody
from libs.store.read_model import KeyState


class AccountResource(JsonBody):
    """An account."""

    account_id: str
    name: str
    integrations_enabled: bool
    version: int


class KeyResource(JsonBody):
    """A subscriber key; a revoked one has no permissions any more. `vendor_ids` null: any approved vendor."""

    key_id: str
    account_id: str
    name: str
    permissions: dict[Category, AccessWord]
    vendor_ids: list[str] | None
    expires_at: Instant | None
    state: KeyState
    secret_hint: str
    created_at: Instant
    revoked_at: Instant | None
    last_used_at: Instant | None
    version: int


class KeyWithSecret(JsonBody):
    """A new subscriber key, and the only time that its secret is seen."""

    key: KeyResource
    secret: str


class KeyPage(JsonBody):
    """Subscriber keys, newest first."""

    items: list[KeyResource]
    next_cursor: str | None


class VendorKeyResource(JsonBody):
    """A vendor key."""

    key_id: str
    vendor_id: str
    state: Annotated[KeyState, Field(description="active or revoked: vendor keys do not expire")]
    secret_hint: str
    created_at: Instant
    revoked_at: Instant | None
    last_used_at: Instant | None
    version: int


class VendorKeyWithSecret(JsonBody):
    """A new vendor key, and the only time that its secret is seen."""

    key: VendorKeyResource
    secret: str


class VendorKeyPage(JsonBody):
    """Vendor keys, newest first."""

    items: list[VendorKeyResource]
    next_cursor: str | None


class PublicVendor(JsonBody):
    """A vendor as any practice may see it."""

    vendor_id: str
    name: str
    website: str
    intended_use: str
    categories: list[Category]
    state: VendorState
    version: int


class ReviewResult(JsonBody):
    """A review as the vendor itself sees it."""

    kind: ReviewKind
    verdict: Verdict
    reviewed_at: Instant


class ReviewResource(ReviewResult):
    """A review as reviewers see it."""

    notes: str
    reviewer: str


class OwnVendor(PublicVendor):
    """A vendor as it sees itself."""

    contact_email: str
    reviews: list[ReviewResult]


class ReviewedVendor(PublicVendor):
    """A vendor as reviewers see it."""

    contact_email: str
    applicant: str
    reviews: list[ReviewResource]


class VendorView(RootModel[ReviewedVendor | OwnVendor | PublicVendor]):
    """A vendor, with as much of it as the caller may see."""


class VendorPage(JsonBody):
    """Vendors, newest first, with as much of each as the caller may see."""

    items: list[VendorView]
    next_cursor: str | None


def account_resource(account: Account, version: int) -> AccountResource:
    """Show an account."""
    return AccountResource(
        account_id=account.account_id,
        name=account.name,
        integrations_enabled=account.integrations_enabled,
        version=version,
    )


def key_resource(
    key: SubscriberKey, version: int, *, now: datetime, last_used_at: datetime | None
) -> KeyResource:
    """Show a subscriber key as it is at this instant: it expires without any event."""
    active = key if isinstance(key, ActiveSubscriberKey) else None
    permissions = active.permissions if active else NO_PERMISSIONS
    vendor_ids = active.vendor_ids if active else None
    return KeyResource.model_validate(
        {
            "key_id": key.key_id,
            "account_id": key.account_id,
            "name": key.name,
            "permissions": {Category(name): word for name, word in permissions.as_words().items()},
            "vendor_ids": None if vendor_ids is None else list(vendor_ids),
            "expires_at": active.expires_at if active else None,
            "state": _state(key, now),
            "secret_hint": key.secret_hint,
            "created_at": key.created_at,
            "revoked_at": None if isinstance(key, ActiveSubscriberKey) else key.revoked_at,
            "last_used_at": last_used_at,
            "version": version,
        }
    )


def _state(key: SubscriberKey, now: datetime) -> KeyState:
    if not isinstance(key, ActiveSubscriberKey):
        return KeyState.REVOKED
    return KeyState.EXPIRED if key.is_expired(now) else KeyState.ACTIVE


def vendor_key_resource(key: VendorKey, version: int, *, last_used_at: datetime | None) -> VendorKeyResource:
    """Show a vendor key."""
    revoked_at = None if isinstance(key, ActiveVendorKey) else key.revoked_at
    return VendorKeyResource(
        key_id=key.key_id,
        vendor_id=key.vendor_id,
        state=KeyState.REVOKED if revoked_at else KeyState.ACTIVE,
        secret_hint=key.secret_hint,
        created_at=key.issued_at,
        revoked_at=revoked_at,
        last_used_at=last_used_at,
        version=version,
    )


def public_vendor(vendor: Vendor, version: int) -> PublicVendor:
    """Show a vendor to an owner."""
    return PublicVendor(
        vendor_id=vendor.vendor_id,
        name=vendor.name,
        website=vendor.website,
        intended_use=vendor.intended_use,
        categories=list(vendor.categories),
        state=vendor.state,
        version=version,
    )


def own_vendor(vendor: Vendor, version: int) -> OwnVendor:
    """Show a vendor to itself: what the reviewers noted is not for it."""
    return OwnVendor(
        **dict(public_vendor(vendor, version)),
        contact_email=vendor.contact_email,
        reviews=[_result(review) for review in vendor.reviews],
    )


def reviewed_vendor(vendor: Vendor, version: int) -> ReviewedVendor:
    """Show a vendor to a reviewer."""
    return ReviewedVendor(
        **dict(public_vendor(vendor, version)),
        contact_email=vendor.contact_email,
        applicant=vendor.applicant,
        reviews=_reviews(vendor.reviews),
    )


def _result(review: Review) -> ReviewResult:
    return ReviewResult(kind=review.kind, verdict=review.verdict, reviewed_at=review.reviewed_at)


def _reviews(reviews: Sequence[Review]) -> list[ReviewResource]:
    return [
        ReviewResource(**dict(_result(review)), notes=review.notes, reviewer=review.reviewer)
        for review in reviews
    ]
