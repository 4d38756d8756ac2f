"""What callers get of vendors and their keys: as much as each of them may see."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, RootModel

from keyfold.domain.lifecycle.keys import KeyState
from keyfold.domain.lifecycle.vendor import Review, ReviewKind, Vendor, VendorState, Verdict
from keyfold.domain.lifecycle.vendor_key import VendorKey
from keyfold.domain.permissions import Category
from keyfold.registry.resources import LAST_REFUSED
from keyfold.resources.keys import key_fields
from keyfold.runtime.http import Instant, JsonBody
from keyfold.store.access_log.activity import NEVER, LastUse


class VendorKeyResource(JsonBody):
    """A vendor key."""

    key_id: str
    vendor_id: str
    state: Annotated[KeyState, Field(description="active or revoked: vendor keys do not expire")]
    secret_hint: str
    old_secret_works_until: Instant | None
    created_at: Instant
    revoked_at: Instant | None
    last_used_at: Instant | None = Field(description="to the minute, which is as exact as it is kept")
    last_refused_at: Instant | None = Field(description=LAST_REFUSED)
    version: int


class VendorKeyWithSecret(JsonBody):
    """A new vendor key, and the only time that its secret is seen."""

    key: VendorKeyResource
    secret: str = Field(repr=False)


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
    """A review as the vendor itself sees it. One of an earlier application counts no more."""

    kind: ReviewKind
    verdict: Verdict
    reviewed_at: Instant
    lapses_at: Instant
    counts: bool


class ReviewResource(ReviewResult):
    """A review as reviewers see it."""

    notes: str
    reviewer: str


class OwnVendor(PublicVendor):
    """A vendor as it sees itself. `reason` is why it was rejected or suspended, if it is."""

    contact_email: str
    reason: str | None
    reviews: list[ReviewResult]
    reviews_lapse_at: Instant | None


class ReviewedVendor(PublicVendor):
    """A vendor as reviewers see it. `reason` is why it was rejected or suspended, if it is."""

    contact_email: str
    reason: str | None
    applicant: str
    reviews: list[ReviewResource]
    reviews_lapse_at: Instant | None


class VendorView(RootModel[ReviewedVendor | OwnVendor | PublicVendor]):
    """A vendor, with as much of it as the caller may see."""


class VendorPage(JsonBody):
    """Vendors, newest first, with as much of each as the caller may see."""

    items: list[VendorView]
    next_cursor: str | None


def vendor_key_resource(
    key: VendorKey, version: int, now: datetime, last: LastUse = NEVER
) -> VendorKeyResource:
    """Show a vendor key as it is at this instant: a replaced secret stops without any event."""
    fields = dict.fromkeys(VendorKeyResource.model_fields) | key_fields(key, now)
    fields |= {"last_used_at": last.used_at, "last_refused_at": last.refused_at, "version": version}
    return VendorKeyResource.model_validate(fields)


def public_vendor(vendor: Vendor, version: int) -> PublicVendor:
    """Show a vendor to an owner."""
    return PublicVendor(
        vendor_id=vendor.vendor_id,
        name=vendor.application.name,
        website=vendor.application.website,
        intended_use=vendor.application.intended_use,
        categories=list(vendor.application.categories),
        state=vendor.state,
        version=version,
    )


def own_vendor(vendor: Vendor, version: int) -> OwnVendor:
    """Show a vendor to itself: what the reviewers noted is not for it."""
    return OwnVendor(
        **dict(public_vendor(vendor, version)),
        contact_email=vendor.application.contact_email,
        reason=vendor.reason,
        reviews=_list_results(vendor),
        reviews_lapse_at=vendor.reviews_lapse_at(),
    )


def reviewed_vendor(vendor: Vendor, version: int) -> ReviewedVendor:
    """Show a vendor to a reviewer."""
    return ReviewedVendor(
        **dict(public_vendor(vendor, version)),
        contact_email=vendor.application.contact_email,
        reason=vendor.reason,
        applicant=vendor.applicant,
        reviews=[
            ReviewResource(**dict(result), notes=review.notes, reviewer=review.reviewer)
            for result, review in zip(_list_results(vendor), vendor.reviews, strict=True)
        ],
        reviews_lapse_at=vendor.reviews_lapse_at(),
    )


def _list_results(vendor: Vendor) -> list[ReviewResult]:
    return [
        _make_result(review, counts=number >= vendor.reviews_void)
        for number, review in enumerate(vendor.reviews)
    ]


def _make_result(review: Review, *, counts: bool) -> ReviewResult:
    return ReviewResult(
        kind=review.kind,
        verdict=review.verdict,
        reviewed_at=review.reviewed_at,
        lapses_at=review.lapses_at,
        counts=counts,
    )
