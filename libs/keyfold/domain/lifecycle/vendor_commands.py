"""What may be asked of a vendor, and what comes of it: it applies, amends, applies again, or is judged."""

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict, replace

from keyfold.domain.ids import LoginId, VendorId
from keyfold.domain.lifecycle.identity.login import BoundLogin, Login, LoginBound, LoginEnded, LoginEvent
from keyfold.domain.lifecycle.vendor import (
    Vendor,
    VendorAmended,
    VendorApplication,
    VendorApplied,
    VendorEvent,
    VendorReapplied,
    VendorReviewsLapseNear,
    VendorState,
    evolve,
)
from keyfold.domain.lifecycle.vendor_judgement import VendorJudgement, decide_judgement
from keyfold.domain.permissions import Category
from keyfold.domain.refusal import Refusal, conflict, not_found


class ApplyVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Ask to become a vendor. `applicant` and `issuer` are `sub` and `iss` of the token that asks, and
    `login_id` stands for both.
    """

    vendor_id: VendorId
    application: VendorApplication
    applicant: str
    issuer: str
    login_id: LoginId


class AmendVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Change what is named of the application, and leave the rest.

    `applied_by` names the one subject whose application it may be; None for any.
    """

    vendor_id: VendorId
    applied_by: str | None = None
    name: str | None = None
    contact_email: str | None = None
    website: str | None = None
    intended_use: str | None = None
    categories: tuple[Category, ...] | None = None


class ReapplyVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Ask again after a rejection. `applied_by` names the one subject who may have applied before."""

    vendor_id: VendorId
    application: VendorApplication
    applicant: str
    applied_by: str | None = None


class PassVendorTime(Struct, frozen=True, kw_only=True, gc=False):
    """Record what has fallen due for the vendor and was not recorded yet, each thing once."""

    vendor_id: VendorId


VendorCommand = ApplyVendor | AmendVendor | ReapplyVendor | VendorJudgement | PassVendorTime


def decide(
    command: VendorCommand, vendor: Vendor | None, now: datetime, *, speakers: Collection[str] = ()
) -> tuple[VendorEvent, ...] | Refusal:
    """Return the events that the command makes of this vendor, none when nothing would change.

    `speakers` are the subjects, of those that the command names, that have ever spoken for the vendor.
    """
    if isinstance(command, VendorJudgement) and vendor is not None:
        return decide_judgement(command, vendor, now, speakers)
    match command, vendor:
        case ApplyVendor(), None:
            words = asdict(command.application)
            return (VendorApplied(vendor_id=command.vendor_id, applicant=command.applicant, **words),)
        case ApplyVendor(), _:
            return conflict("vendor-exists", "The vendor has applied already.")
        case _, None:
            return not_found("vendor")
        case AmendVendor() | ReapplyVendor(), _ if command.applied_by not in (None, vendor.applicant):
            return not_found("vendor")
        case AmendVendor(), _:
            return _amend(command, vendor)
        case ReapplyVendor(), _:
            return _reapply(command, vendor)
        case PassVendorTime(), _:
            return _find_due(vendor, now)
    raise AssertionError(command)


def decide_application(
    command: ApplyVendor,
    vendor: Vendor | None,
    now: datetime,
    *,
    earlier: Collection[Vendor],
    login: Login | None,
) -> tuple[VendorEvent | LoginEvent, ...] | Refusal:
    """Return the events of an application: the login that makes it speaks for the vendor from then on.

    `earlier` are the vendors that the applicant has applied for. Whoever speaks for an account or a vendor,
    or has an application that was not rejected, cannot make another.
    """
    if any(
        each.applicant == command.applicant and each.state is not VendorState.REJECTED for each in earlier
    ):
        return _APPLIED_ALREADY
    left = _leave_rejected(login, earlier, now)
    applied = decide(command, vendor, now)
    if isinstance(left, Refusal) or isinstance(applied, Refusal):
        return left if isinstance(left, Refusal) else applied
    bound = LoginBound(
        login_id=command.login_id,
        issuer=command.issuer,
        subject=command.applicant,
        account_id=None,
        vendor_id=command.vendor_id,
        invitation_id=None,
        bound_at=now,
    )
    return (*left, *applied, bound)


_APPLIED_ALREADY = conflict("vendor-exists", "You have applied already, and that was not rejected.")


def _leave_rejected(
    login: Login | None, earlier: Collection[Vendor], now: datetime
) -> tuple[LoginEvent, ...] | Refusal:
    """Return the end of a login's binding to a vendor that was rejected: it speaks for one alone."""
    if not isinstance(login, BoundLogin):
        return ()
    rejected = {each.vendor_id for each in earlier if each.state is VendorState.REJECTED}
    if login.vendor_id not in rejected:
        return _APPLIED_ALREADY
    ended = LoginEnded(login_id=login.login_id, account_id=None, vendor_id=login.vendor_id, ended_at=now)
    return (ended,)


def _amend(command: AmendVendor, vendor: Vendor) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is VendorState.REJECTED:
        return conflict("vendor-rejected", "The application was rejected: apply again instead.")
    before = vendor.application
    after = replace(
        before,
        name=command.name or before.name,
        contact_email=command.contact_email or before.contact_email,
        website=command.website or before.website,
        intended_use=command.intended_use or before.intended_use,
        categories=command.categories or before.categories,
    )
    if after == before:
        return ()
    is_contact_alone = after == replace(before, contact_email=after.contact_email, website=after.website)
    if vendor.state is not VendorState.APPLIED and not is_contact_alone:
        return conflict(
            "vendor-not-applied",
            f"The vendor is {vendor.state}: what its reviews were about cannot change any more, "
            "only `contact_email` and `website`.",
        )
    return (VendorAmended(vendor_id=vendor.vendor_id, **asdict(after)),)


def _reapply(command: ReapplyVendor, vendor: Vendor) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is not VendorState.REJECTED:
        return conflict(
            "vendor-not-rejected", f"The vendor is {vendor.state}; only a rejected one applies again."
        )
    words = asdict(command.application)
    return (VendorReapplied(vendor_id=vendor.vendor_id, applicant=command.applicant, **words),)


def _find_due(vendor: Vendor, now: datetime) -> tuple[VendorEvent, ...]:
    lapsing = vendor.unwarned_lapse()
    if lapsing is None or lapsing.warn_at > now:
        return ()
    warning = VendorReviewsLapseNear(vendor_id=vendor.vendor_id, lapses_at=lapsing.lapses_at, warned_at=now)
    # The other review may lapse at another time, and its warning may be due by now too.
    return (warning, *_find_due(evolve(vendor, warning), now))
