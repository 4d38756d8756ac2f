"""Applications over HTTP: a developer asks to become a vendor, amends what it said, and may ask again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

from pydantic import BaseModel

from keyfold.domain.ids import VendorId, login_stream, vendor_stream
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.login import BoundLogin, Login, LoginBound, LoginEnded, LoginEvent
from keyfold.domain.lifecycle.vendor import Vendor, VendorState
from keyfold.domain.lifecycle.vendor_commands import (
    AmendVendor,
    ApplyVendor,
    ReapplyVendor,
    VendorCommand,
    decide,
)
from keyfold.domain.refusal import Refusal, conflict
from keyfold.registry.bodies import Amendment, Application, said
from keyfold.registry.commands.execution import Command
from keyfold.registry.commands.http import CommandsOverHttp, shown
from keyfold.registry.commands.kinds import LOGIN, VENDOR, held
from keyfold.registry.commands.new_ids import new_vendor_id
from keyfold.registry.commands.problems import problem_of
from keyfold.registry.reads import is_hidden
from keyfold.registry.vendors.resources import OwnVendor as VendorSeenByItself
from keyfold.registry.vendors.resources import own_vendor
from keyfold.runtime.auth.caller import Caller, Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import (
    AnyOf,
    AnyRoute,
    Applicant,
    Reply,
    Request,
    Roles,
    Route,
    Unbound,
    VendorItself,
)
from keyfold.store.ledger.read_set import ReadSetValues
from keyfold.wire.keys.invitation_code import login_id_of

B = TypeVar("B", bound=BaseModel | None)

_OWN: Final = AnyOf((VendorItself(), Applicant()))
_VENDOR_ALREADY: Final = conflict("vendor-exists", "Your token speaks for a vendor already.")
_APPLIED_ALREADY: Final = conflict("vendor-exists", "You have applied already, and that was not rejected.")


class VendorApplications:
    """The calls by which a developer applies."""

    def __init__(self, commands: CommandsOverHttp, clock: Clock) -> None:
        self._commands = commands
        self._clock = clock

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="POST",
                path="/v1/vendors",
                handler=self.apply_vendor,
                rule=AnyOf((Roles(frozenset({Role.VENDOR})), Unbound())),
                summary="Apply to become a vendor.",
                body=Application,
                answer=VendorSeenByItself,
                status=201,
                refusals=(409, 412),
            ),
            Route(
                method="PATCH",
                path="/v1/vendors/{vendor_id}",
                handler=self.amend_vendor,
                rule=_OWN,
                summary="Amend the application; once approved, only how the vendor is reached.",
                body=Amendment,
                answer=VendorSeenByItself,
                refusals=(409, 412),
            ),
            Route(
                method="POST",
                path="/v1/vendors/{vendor_id}/reapply",
                handler=self.reapply_vendor,
                rule=_OWN,
                summary="Apply again after a rejection; the reviews start anew.",
                body=Application,
                answer=VendorSeenByItself,
                refusals=(409, 412),
            ),
        ]

    async def apply_vendor(self, request: Request[Application, None]) -> Reply:
        """Apply; whoever is a vendor, or has an application that was not rejected, cannot ask for another.

        The login that applies speaks for the vendor from then on.
        """
        caller = request.caller
        if caller.vendor_id is not None and not caller.is_bound:
            return problem_of(_VENDOR_ALREADY)
        vendor_id = new_vendor_id(self._clock)
        stream, login_at = vendor_stream(vendor_id), login_stream(login_id_of(caller.issuer, caller.sub))
        command = ApplyVendor(vendor_id=vendor_id, application=said(request.body), applicant=caller.sub)

        def decided(loaded: ReadSetValues, now: datetime) -> Sequence[LifecycleEvent] | Refusal:
            if _has_applied(caller.sub, loaded):
                return _APPLIED_ALREADY
            left = _leave_rejected(held(loaded.streams[login_at].aggregate, LOGIN), loaded, now)
            if isinstance(left, Refusal):
                return left
            applied = decide(command, held(loaded.streams[stream].aggregate, VENDOR))
            return (
                applied if isinstance(applied, Refusal) else (*left, *applied, _bound(caller, vendor_id, now))
            )

        show = shown(stream, VENDOR, _own_resource, location=f"/v1/vendors/{vendor_id}")
        command_to_apply = Command(
            subject=stream, others=(login_at,), applicant=caller.sub, decide=decided, show=show
        )
        return await self._commands.respond(request, command_to_apply)

    async def amend_vendor(self, request: Request[Amendment, None]) -> Reply:
        """Change what the request names of the application."""
        body = request.body
        command = AmendVendor(
            name=body.name or None,
            contact_email=body.contact_email or None,
            website=body.website or None,
            intended_use=body.intended_use or None,
            categories=tuple(dict.fromkeys(body.categories)) or None,
        )
        return await self._changed(request, command)

    async def reapply_vendor(self, request: Request[Application, None]) -> Reply:
        """Ask again, with what the developer says of itself now."""
        command = ReapplyVendor(application=said(request.body), applicant=request.caller.sub)
        return await self._changed(request, command)

    async def _changed(self, request: Request[B, None], command: VendorCommand) -> Reply:
        stream = vendor_stream(VendorId(request.path["vendor_id"]))

        def decided(loaded: ReadSetValues, _now: datetime) -> tuple[LifecycleEvent, ...] | Refusal:
            vendor = held(loaded.streams[stream].aggregate, VENDOR)
            return decide(command, None if is_hidden(vendor, request.caller) else vendor)

        show = shown(stream, VENDOR, _own_resource)
        return await self._commands.respond(request, Command(subject=stream, decide=decided, show=show))


def _has_applied(applicant: str, loaded: ReadSetValues) -> bool:
    return any(
        vendor is not None and vendor.applicant == applicant and vendor.state is not VendorState.REJECTED
        for vendor in (
            held(loaded.streams[vendor_stream(vendor_id)].aggregate, VENDOR)
            for vendor_id in loaded.applications[applicant].vendor_ids
        )
    )


def _leave_rejected(
    login: Login | None, loaded: ReadSetValues, now: datetime
) -> Sequence[LoginEvent] | Refusal:
    """Return what ends that a login speaks for a vendor that was rejected; it speaks for one alone."""
    if not isinstance(login, BoundLogin):
        return ()
    vendor_id = login.vendor_id
    before = None if vendor_id is None else loaded.streams.get(vendor_stream(vendor_id))
    vendor = None if before is None else held(before.aggregate, VENDOR)
    if vendor is None or vendor.state is not VendorState.REJECTED:
        return _APPLIED_ALREADY
    return (LoginEnded(login_id=login.login_id, account_id=None, vendor_id=vendor_id, ended_at=now),)


def _bound(caller: Caller, vendor_id: VendorId, now: datetime) -> LoginBound:
    return LoginBound(
        login_id=login_id_of(caller.issuer, caller.sub),
        issuer=caller.issuer,
        subject=caller.sub,
        account_id=None,
        vendor_id=vendor_id,
        invitation_id=None,
        bound_at=now,
    )


def _own_resource(vendor: Vendor, version: int, _now: datetime) -> VendorSeenByItself:
    return own_vendor(vendor, version)
