"""Vendors judged over HTTP: reviewed, let in, turned down, stopped and let in again, by reviewers."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeAlias, TypeVar

from pydantic import BaseModel

from keyfold.domain.ids import VendorId, vendor_stream
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_commands import (
    ApproveVendor,
    ReinstateVendor,
    RejectVendor,
    ReviewVendor,
    SuspendVendor,
    VendorCommand,
    decide,
)
from keyfold.domain.refusal import Refusal
from keyfold.registry.bodies import NewReview, StatedReason
from keyfold.registry.commands.execution import Command
from keyfold.registry.commands.http import CommandsOverHttp, shown
from keyfold.registry.commands.kinds import VENDOR, held
from keyfold.registry.vendors.resources import ReviewedVendor, reviewed_vendor
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import AnyRoute, Reply, Request, Roles, Route
from keyfold.store.ledger.read_set import ReadSetValues

B = TypeVar("B", bound=BaseModel | None)
At: TypeAlias = Callable[[datetime], VendorCommand]

_REVIEWER: Final = Roles(frozenset({Role.REVIEWER}))
_ONE: Final = "/v1/vendors/{vendor_id}"


class VendorJudgement:
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
        reviewer = request.caller.sub

        def review(now: datetime) -> ReviewVendor:
            return ReviewVendor(
                kind=body.kind,
                verdict=body.verdict,
                notes=body.notes,
                reviewer=reviewer,
                reviewed_at=now,
                valid_for=self._reviews_valid_for,
            )

        return await self._judged(request, review)

    async def approve_vendor(self, request: Request[None, None]) -> Reply:
        """Let the vendor in."""
        approver = request.caller.sub
        return await self._judged(request, lambda now: ApproveVendor(approver=approver, at=now))

    async def reject_vendor(self, request: Request[StatedReason, None]) -> Reply:
        """Turn the application down."""
        return await self._judged(request, lambda _now: RejectVendor(reason=request.body.reason))

    async def suspend_vendor(self, request: Request[StatedReason, None]) -> Reply:
        """Stop all keys of the vendor."""
        return await self._judged(request, lambda _now: SuspendVendor(reason=request.body.reason))

    async def reinstate_vendor(self, request: Request[None, None]) -> Reply:
        """Let the vendor's keys work again."""
        return await self._judged(request, lambda _now: ReinstateVendor())

    async def _judged(self, request: Request[B, None], command_at: At) -> Reply:
        stream = vendor_stream(VendorId(request.path["vendor_id"]))

        def decided(loaded: ReadSetValues, now: datetime) -> tuple[LifecycleEvent, ...] | Refusal:
            return decide(command_at(now), held(loaded.streams[stream].aggregate, VENDOR))

        show = shown(stream, VENDOR, _reviewed_resource)
        return await self._commands.respond(request, Command(subject=stream, decide=decided, show=show))


def _reviewed_resource(vendor: Vendor, version: int, _now: datetime) -> ReviewedVendor:
    return reviewed_vendor(vendor, version)
