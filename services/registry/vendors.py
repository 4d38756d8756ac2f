"""Vendors over HTTP: they apply, reviewers judge, owners see those that were let in."""

import asyncio
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from pydantic import BaseModel

from libs.domain.ids import VendorId, vendor_stream
from libs.domain.lifecycle import LifecycleEvent
from libs.domain.refusal import Refusal, conflict
from libs.domain.vendor import (
    ApplyVendor,
    ApproveVendor,
    ReinstateVendor,
    RejectVendor,
    Review,
    ReviewVendor,
    SuspendVendor,
    Vendor,
    VendorCommand,
    VendorState,
    decide,
)
from libs.runtime.auth import Caller, Role
from libs.runtime.clock import Clock
from libs.runtime.http import (
    NOT_FOUND,
    Answer,
    AnyOf,
    AnyRoute,
    OwnVendor,
    PageQuery,
    Reply,
    Request,
    Roles,
    Route,
    page,
)
from libs.store.read_model import LIMIT_MAX, Stored
from services.registry.bodies import Application, NewReview, Reason
from services.registry.command_http import answer_of, metadata_of, with_etag
from services.registry.commands import Command, Commands, Streams
from services.registry.kinds import VENDOR, held
from services.registry.new_ids import new_vendor_id
from services.registry.problems import problem_of
from services.registry.reads import Reads, before, shown_of
from services.registry.resources import OwnVendor as VendorSeenByItself
from services.registry.resources import (
    PublicVendor,
    ReviewedVendor,
    VendorPage,
    VendorView,
    own_vendor,
    public_vendor,
    reviewed_vendor,
)

B = TypeVar("B", bound=BaseModel | None)

_REVIEWER: Final = Roles(frozenset({Role.REVIEWER}))
_VENDOR: Final = Roles(frozenset({Role.VENDOR}))
_ONE: Final = "/v1/vendors/{vendor_id}"

_VENDOR_ALREADY = conflict("vendor-exists", "Your token speaks for a vendor already.")
_APPLIED_ALREADY = conflict("vendor-exists", "You have applied already, and that was not rejected.")


class Vendors:
    """The calls about vendors."""

    def __init__(self, commands: Commands, reads: Reads, clock: Clock) -> None:
        self._commands = commands
        self._reads = reads
        self._clock = clock
        self._applying: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="POST",
                path="/v1/vendors",
                handler=self.apply_vendor,
                rule=_VENDOR,
                summary="Apply to become a vendor.",
                body=Application,
                answer=VendorSeenByItself,
                status=201,
                refusals=(409, 412),
            ),
            Route(
                method="GET",
                path="/v1/vendors",
                handler=self.list_vendors,
                rule=Roles(frozenset({Role.REVIEWER, Role.VENDOR, Role.OWNER})),
                summary="Vendors: all to a reviewer, the approved to an owner, itself to a vendor.",
                query=PageQuery,
                answer=VendorPage,
            ),
            Route(
                method="GET",
                path=_ONE,
                handler=self.get_vendor,
                rule=AnyOf((OwnVendor(), Roles(frozenset({Role.REVIEWER, Role.OWNER})))),
                summary="A vendor, as much of it as the caller may see.",
                answer=VendorView,
            ),
            *self._judgement_routes(),
        ]

    def _judgement_routes(self) -> list[AnyRoute]:
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
                body=Reason,
                answer=ReviewedVendor,
                refusals=(409, 412),
            ),
            Route(
                method="POST",
                path=_ONE + "/suspend",
                handler=self.suspend_vendor,
                rule=_REVIEWER,
                summary="Stop all keys of the vendor at once.",
                body=Reason,
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

    async def apply_vendor(self, request: Request[Application, None]) -> Reply:
        """Apply; whoever is a vendor, or has an application that was not rejected, cannot ask for another."""
        caller = request.caller
        if caller.vendor_id is not None:
            return problem_of(_VENDOR_ALREADY)
        # Each application is a stream of its own, so the ledger alone would take two at the same time.
        async with self._applying.setdefault(caller.sub, asyncio.Lock()):
            if await self._has_applied(caller.sub):
                return problem_of(_APPLIED_ALREADY)
            vendor_id = new_vendor_id(self._clock)
            command = _application(vendor_id, request.body, applicant=caller.sub)
            outcome = await self._commands.run(_on(vendor_id, command), metadata_of(request))
        return answer_of(outcome, VENDOR, own_vendor)

    async def _has_applied(self, applicant: str) -> bool:
        model = await self._reads.fresh()
        applied = await model.list_vendors(applicant=applicant, limit=LIMIT_MAX)
        return any(each.aggregate.state is not VendorState.REJECTED for each in applied)

    async def list_vendors(self, request: Request[None, PageQuery]) -> Reply:
        """Show a page of vendors: all to a reviewer, the approved to an owner, itself to a vendor."""
        query, caller = request.query, request.caller
        if caller.role is Role.VENDOR:
            own = await self._own(caller)
            return Answer(body=page(own, None))
        model = await self._reads.fresh()
        found = await model.list_vendors(
            state=VendorState.APPROVED if caller.role is Role.OWNER else None,
            before=before(query),
            limit=query.rows_max,
        )
        shown, next_cursor = shown_of(found, query)
        return Answer(body=page([_seen_by(caller, each) for each in shown], next_cursor))

    async def get_vendor(self, request: Request[None, None]) -> Reply:
        """Show a vendor, as much of it as the caller may see."""
        model = await self._reads.fresh()
        stored = await model.get_vendor(VendorId(request.path["vendor_id"]))
        if stored is None or not _visible(request.caller, stored.aggregate):
            return NOT_FOUND
        return with_etag(_seen_by(request.caller, stored), stored.version)

    async def review_vendor(self, request: Request[NewReview, None]) -> Reply:
        """Record a review."""
        body = request.body
        review = Review(
            kind=body.kind,
            verdict=body.verdict,
            notes=body.notes,
            reviewer=request.caller.sub,
            reviewed_at=self._clock.now(),
        )
        return await self._judged(request, ReviewVendor(review=review))

    async def approve_vendor(self, request: Request[None, None]) -> Reply:
        """Let the vendor in."""
        return await self._judged(request, ApproveVendor(approver=request.caller.sub))

    async def reject_vendor(self, request: Request[Reason, None]) -> Reply:
        """Turn the application down."""
        return await self._judged(request, RejectVendor(reason=request.body.reason))

    async def suspend_vendor(self, request: Request[Reason, None]) -> Reply:
        """Stop all keys of the vendor."""
        return await self._judged(request, SuspendVendor(reason=request.body.reason))

    async def reinstate_vendor(self, request: Request[None, None]) -> Reply:
        """Let the vendor's keys work again."""
        return await self._judged(request, ReinstateVendor())

    async def _judged(
        self,
        request: Request[B, None],
        command: VendorCommand,
    ) -> Reply:
        vendor_id = VendorId(request.path["vendor_id"])
        outcome = await self._commands.run(_on(vendor_id, command), metadata_of(request))
        return answer_of(outcome, VENDOR, reviewed_vendor)

    async def _own(self, caller: Caller) -> list[PublicVendor]:
        if caller.vendor_id is None:
            return []
        stored = await (await self._reads.fresh()).get_vendor(VendorId(caller.vendor_id))
        return [] if stored is None else [_seen_by(caller, stored)]


def _application(vendor_id: VendorId, body: Application, *, applicant: str) -> ApplyVendor:
    return ApplyVendor(
        vendor_id=vendor_id,
        name=body.name,
        contact_email=body.contact_email,
        website=body.website,
        intended_use=body.intended_use,
        categories=tuple(dict.fromkeys(body.categories)),
        applicant=applicant,
    )


def _on(vendor_id: VendorId, command: VendorCommand) -> Command:
    stream = vendor_stream(vendor_id)

    def decided(streams: Streams) -> tuple[LifecycleEvent, ...] | Refusal:
        return decide(command, held(streams[stream].aggregate, VENDOR))

    return Command(subject=stream, decide=decided)


def _visible(caller: Caller, vendor: Vendor) -> bool:
    return caller.role is not Role.OWNER or vendor.state is VendorState.APPROVED


def _seen_by(caller: Caller, stored: Stored[Vendor]) -> PublicVendor:
    match caller.role:
        case Role.REVIEWER:
            return reviewed_vendor(stored.aggregate, stored.version)
        case Role.VENDOR:
            return own_vendor(stored.aggregate, stored.version)
        case _:
            return public_vendor(stored.aggregate, stored.version)
