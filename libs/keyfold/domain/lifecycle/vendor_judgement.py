"""What reviewers may ask about a vendor, and what comes of it: they judge it, let it in, and stop it."""

from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec import Struct

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.fold import Actor, LifecycleEvent
from keyfold.domain.lifecycle.identity.invitation import InvitationMade
from keyfold.domain.lifecycle.vendor import (
    ReviewKind,
    Vendor,
    VendorApproved,
    VendorEvent,
    VendorReinstated,
    VendorRejected,
    VendorReviewed,
    VendorState,
    VendorSuspended,
    Verdict,
)
from keyfold.domain.refusal import Refusal, conflict

WARNED_BEFORE = timedelta(days=30)
"""How long before a vendor's reviews lapse its reviewers are told."""
SPEAKING_ROLES = frozenset({"vendor", "login"})
"""The roles in which somebody does something for a vendor: as one, or to become one."""


class ReviewVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Record a review, which is good for `valid_for` from then on."""

    vendor_id: VendorId
    kind: ReviewKind
    verdict: Verdict
    notes: str
    reviewer: str
    valid_for: timedelta


class ApproveVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Let the vendor in, once both reviews have passed."""

    vendor_id: VendorId
    reviewer: str


class RejectVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Turn the application down."""

    vendor_id: VendorId
    reviewer: str
    reason: str


class SuspendVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Stop all keys of an approved vendor at once."""

    vendor_id: VendorId
    reviewer: str
    reason: str


class ReinstateVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Let a suspended vendor's keys work again."""

    vendor_id: VendorId
    reviewer: str


VendorJudgement = ReviewVendor | ApproveVendor | RejectVendor | SuspendVendor | ReinstateVendor


def speaks_for(vendor_id: VendorId, event: LifecycleEvent, actor: Actor) -> bool:
    """Tell whether an event shows that whoever caused it speaks for the vendor, or made somebody do so."""
    if getattr(event, "vendor_id", None) != vendor_id:
        return False
    return actor.role in SPEAKING_ROLES or isinstance(event, InvitationMade)


def refuse_own(reviewer: str, vendor: Vendor, speakers: Collection[str]) -> Refusal | None:
    """Return why a reviewer may decide nothing about a vendor, None where that is not its own.

    `speakers` are the subjects that ever applied for the vendor, amended what it says of itself, spoke for it
    in any other way, or invited somebody to.
    """
    return _OWN if reviewer == vendor.applicant or reviewer in speakers else None


_OWN = conflict(
    "own-application",
    "Whoever applied for a vendor, amended its application, speaks for it or invited somebody to decides "
    "nothing about it, in whatever role: another reviewer has to.",
)


def decide_judgement(
    command: VendorJudgement, vendor: Vendor, now: datetime, speakers: Collection[str]
) -> tuple[VendorEvent, ...] | Refusal:
    """Return the events that a judgement makes of this vendor, none when nothing would change."""
    if refusal := refuse_own(command.reviewer, vendor, speakers):
        return refusal
    match command:
        case ReviewVendor():
            return _review(command, vendor, now)
        case ApproveVendor():
            return _approve(vendor, now)
        case RejectVendor(reason=reason):
            rejected = VendorRejected(vendor_id=vendor.vendor_id, reason=reason)
            return _move(vendor, VendorState.APPLIED, VendorState.REJECTED, rejected)
        case SuspendVendor(reason=reason):
            suspended = VendorSuspended(vendor_id=vendor.vendor_id, reason=reason)
            return _move(vendor, VendorState.APPROVED, VendorState.SUSPENDED, suspended)
        case ReinstateVendor():
            reinstated = VendorReinstated(vendor_id=vendor.vendor_id)
            return _move(vendor, VendorState.SUSPENDED, VendorState.APPROVED, reinstated)


def _review(command: ReviewVendor, vendor: Vendor, now: datetime) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is VendorState.REJECTED:
        return conflict("vendor-rejected", "The vendor was rejected; a rejected application is not reviewed.")
    lapses_at = now + command.valid_for
    return (
        VendorReviewed(
            vendor_id=vendor.vendor_id,
            kind=command.kind,
            verdict=command.verdict,
            notes=command.notes,
            reviewer=command.reviewer,
            reviewed_at=now,
            lapses_at=lapses_at,
            warn_at=max(now, lapses_at - WARNED_BEFORE),
        ),
    )


def _approve(vendor: Vendor, now: datetime) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is VendorState.APPROVED:
        return ()
    if vendor.state is not VendorState.APPLIED:
        return conflict("vendor-not-applied", f"The vendor is {vendor.state}, so it cannot be approved.")
    if missing := vendor.missing_reviews(now):
        return conflict(
            "reviews-missing",
            f"Not passed for this application, or lapsed: the {' and the '.join(missing)} review.",
        )
    return (VendorApproved(vendor_id=vendor.vendor_id),)


def _move(
    vendor: Vendor, start: VendorState, end: VendorState, event: VendorEvent
) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is end:
        return ()
    if vendor.state is not start:
        return conflict(f"vendor-not-{start}", f"The vendor is {vendor.state}, so it cannot become {end}.")
    return (event,)
