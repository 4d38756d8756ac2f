"""Applications over HTTP: a developer asks to become a vendor, amends what it said, and may ask again."""

from datetime import datetime
from typing import Final

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.aggregates import VENDOR
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_commands import AmendVendor, ApplyVendor, ReapplyVendor
from keyfold.domain.refusal import conflict
from keyfold.registry.bodies import Amendment, Application
from keyfold.registry.commands.http import CommandsOverHttp, show_subject
from keyfold.registry.commands.new_ids import make_vendor_id
from keyfold.registry.commands.problems import problem_of
from keyfold.registry.reads import is_applicant
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
from keyfold.wire.keys.invitation_code import login_id_of

_OWN: Final = AnyOf((VendorItself(), Applicant()))
_VENDOR_ALREADY: Final = conflict("vendor-exists", "Your token speaks for a vendor already.")


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
        vendor_id = make_vendor_id(self._clock)
        command = ApplyVendor(
            vendor_id=vendor_id,
            application=request.body.to_domain(),
            applicant=caller.sub,
            issuer=caller.issuer,
            login_id=login_id_of(caller.issuer, caller.sub),
        )
        show = show_subject(VENDOR, _to_body, location=f"/v1/vendors/{vendor_id}")
        return await self._commands.respond(request, command, show)

    async def amend_vendor(self, request: Request[Amendment, None]) -> Reply:
        """Change what the request names of the application."""
        body = request.body
        command = AmendVendor(
            vendor_id=VendorId(request.path["vendor_id"]),
            applied_by=_applicant_of(request.caller),
            name=body.name or None,
            contact_email=body.contact_email or None,
            website=body.website or None,
            intended_use=body.intended_use or None,
            categories=tuple(dict.fromkeys(body.categories)) or None,
        )
        return await self._commands.respond(request, command, show_subject(VENDOR, _to_body))

    async def reapply_vendor(self, request: Request[Application, None]) -> Reply:
        """Ask again, with what the developer says of itself now."""
        command = ReapplyVendor(
            vendor_id=VendorId(request.path["vendor_id"]),
            applied_by=_applicant_of(request.caller),
            application=request.body.to_domain(),
            applicant=request.caller.sub,
        )
        return await self._commands.respond(request, command, show_subject(VENDOR, _to_body))


def _applicant_of(caller: Caller) -> str | None:
    return caller.sub if is_applicant(caller) else None


def _to_body(vendor: Vendor, version: int, _now: datetime) -> VendorSeenByItself:
    return own_vendor(vendor, version)
