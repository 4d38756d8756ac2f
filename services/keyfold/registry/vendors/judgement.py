"""Vendors judged over HTTP: reviewed, let in, turned down, stopped and let in again, by reviewers."""

from datetime import datetime, timedelta
from typing import Final, TypeVar

from pydantic import BaseModel

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.aggregates import VENDOR
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_judgement import (
    ApproveVendor,
    ReinstateVendor,
    RejectVendor,
    ReviewVendor,
    SuspendVendor,
    VendorJudgement,
)
from keyfold.registry.bodies import NewReview, StatedReason
from keyfold.registry.commands.http import CommandsOverHttp, show_subject
from keyfold.registry.vendors.resources import ReviewedVendor, reviewed_vendor
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import AnyRoute, Reply, Request, Roles, Route

B = TypeVar("B", bound=BaseModel | None)

_REVIEWER: Final = Roles(frozenset({Role.REVIEWER}))
_ONE: Final = "/v1/vendors/{vendor_id}"


class VendorJudgements:
    """The calls by which reviewers judge a vendor. A review is good for `reviews_valid_for`."""

    def __init__(self, commands: CommandsOverHttp, *, reviews_valid_for: timedelta) -> None:
        self._commands = commands
        self._reviews_valid_for = reviews_valid_for

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="POST",
                path=_ONE + "/reviews",
                handler=self.review_vendor,
                rule=_REVIEWER,
                summary="Record a security or compliance review.",
                body=NewReview,
                answer=ReviewedVendor,
                refusals=(409, 412),
            ),
            Route(
                method="POST",
                path=_ONE + "/approve",
                handler=self.approve_vendor,
                rule=_REVIEWER,
                summary="Let the vendor in, once both reviews have passed.",
                answer=ReviewedVendor,
                refusals=(409, 412),
            ),
            Route(
                method="POST",
                path=_ONE + "/reject",
                handler=self.reject_vendor,
                rule=_REVIEWER,
                summary="Turn the application down.",
                body=StatedReason,
                answer=ReviewedVendor,
                refusals=(409, 412),
            ),
            Route(
                method="POST",
                path=_ONE + "/suspend",
                handler=self.suspend_vendor,
                rule=_REVIEWER,
                summary="Stop all keys of the vendor at once.",
                body=StatedReason,
                answer=ReviewedVendor,
                refusals=(409, 412),
            ),
            Route(
                method="POST",
                path=_ONE + "/reinstate",
                handler=self.reinstate_vendor,
                rule=_REVIEWER,
                summary="Let the keys of a suspended vendor work again.",
                answer=ReviewedVendor,
                refusals=(409, 412),
            ),
        ]

    async def review_vendor(self, request: Request[NewReview, None]) -> Reply:
        """Record a review."""
        body = request.body
        command = ReviewVendor(
            vendor_id=_vendor_id_of(request),
            kind=body.kind,
            verdict=body.verdict,
            notes=body.notes,
            reviewer=request.caller.sub,
            valid_for=self._reviews_valid_for,
        )
        return await self._judge(request, command)

    async def approve_vendor(self, request: Request[None, None]) -> Reply:
        """Let the vendor in."""
        command = ApproveVendor(vendor_id=_vendor_id_of(request), reviewer=request.caller.sub)
        return await self._judge(request, command)

    async def reject_vendor(self, request: Request[StatedReason, None]) -> Reply:
        """Turn the application down."""
        command = RejectVendor(
            vendor_id=_vendor_id_of(request), reviewer=request.caller.sub, reason=request.body.reason
        )
        return await self._judge(request, command)

    async def suspend_vendor(self, request: Request[StatedReason, None]) -> Reply:
        """Stop all keys of the vendor."""
        command = SuspendVendor(
            vendor_id=_vendor_id_of(request), reviewer=request.caller.sub, reason=request.body.reason
        )
        return await self._judge(request, command)

    async def reinstate_vendor(self, request: Request[None, None]) -> Reply:
        """Let the vendor's keys work again."""
        command = ReinstateVendor(vendor_id=_vendor_id_of(request), reviewer=request.caller.sub)
        return await self._judge(request, command)

    async def _judge(self, request: Request[B, None], command: VendorJudgement) -> Reply:
        return await self._commands.respond(request, command, show_subject(VENDOR, _to_body))


def _vendor_id_of(request: Request[B, None]) -> VendorId:
    return VendorId(request.path["vendor_id"])


def _to_body(vendor: Vendor, version: int, _now: datetime) -> ReviewedVendor:
    return reviewed_vendor(vendor, version)
