"""Vendors over HTTP, looked at: reviewers see all, a vendor itself, owners those that were let in."""

from typing import Final

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.vendor import Vendor, VendorState
from keyfold.registry.commands.http import answer_with_etag
from keyfold.registry.reads import Reads, cut_list, is_applicant, is_hidden, read_before
from keyfold.registry.vendors.resources import (
    PublicVendor,
    VendorPage,
    VendorView,
    own_vendor,
    public_vendor,
    reviewed_vendor,
)
from keyfold.runtime.auth.caller import Caller, Role
from keyfold.runtime.http import (
    NOT_FOUND,
    Answer,
    AnyOf,
    AnyRoute,
    Applicant,
    PageQuery,
    Reply,
    Request,
    Roles,
    Route,
    VendorItself,
    page,
)
from keyfold.store.read_model.reader import Stored

_ONE: Final = "/v1/vendors/{vendor_id}"


class VendorsQuery(PageQuery):
    """A page of vendors, of all that the caller may see or of those in one state."""

    state: VendorState | None = None


class Vendors:
    """The calls that show vendors."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="GET",
                path="/v1/vendors",
                handler=self.list_vendors,
                rule=Roles(frozenset({Role.REVIEWER, Role.VENDOR, Role.OWNER})),
                summary="Vendors: all to a reviewer, the approved to an owner, to others their own.",
                query=VendorsQuery,
                answer=VendorPage,
            ),
            Route(
                method="GET",
                path=_ONE,
                handler=self.get_vendor,
                rule=AnyOf((VendorItself(), Applicant(), Roles(frozenset({Role.REVIEWER, Role.OWNER})))),
                summary="A vendor, as much of it as the caller may see.",
                answer=VendorView,
                also_answers={304: None},
                refusals=(412,),
            ),
        ]

    async def list_vendors(self, request: Request[None, VendorsQuery]) -> Reply:
        """Show a page of vendors: to a vendor itself, and to one that is none yet what it applied for."""
        query, caller = request.query, request.caller
        if caller.role is Role.VENDOR and caller.vendor_id is not None:
            own = await self._find_own(VendorId(caller.vendor_id))
            asked = [each for each in own if query.state in (None, each.aggregate.state)]
            return Answer(body=page([_show_to(caller, each) for each in asked], None))
        state = query.state
        if caller.role is Role.OWNER:
            if state not in (None, VendorState.APPROVED):
                return Answer(body=page([], None))
            state = VendorState.APPROVED
        model = await self._reads.catch_up()
        found = await model.list_vendors(
            state=state,
            applicant=caller.sub if is_applicant(caller) else None,
            before=read_before(query),
            limit=query.rows_max,
        )
        listed, next_cursor = cut_list(found, query)
        return Answer(body=page([_show_to(caller, each) for each in listed], next_cursor))

    async def get_vendor(self, request: Request[None, None]) -> Reply:
        """Show a vendor, as much of it as the caller may see."""
        model = await self._reads.catch_up()
        stored = await model.get_vendor(VendorId(request.path["vendor_id"]))
        if stored is None or not _is_visible(request.caller, stored.aggregate):
            return NOT_FOUND
        return answer_with_etag(_show_to(request.caller, stored), stored.version)

    async def _find_own(self, vendor_id: VendorId) -> list[Stored[Vendor]]:
        stored = await (await self._reads.catch_up()).get_vendor(vendor_id)
        return [] if stored is None else [stored]


def _is_visible(caller: Caller, vendor: Vendor) -> bool:
    if caller.role is Role.OWNER:
        return vendor.state is VendorState.APPROVED
    return not is_hidden(vendor, caller)


def _show_to(caller: Caller, stored: Stored[Vendor]) -> PublicVendor:
    match caller.role:
        case Role.REVIEWER:
            return reviewed_vendor(stored.aggregate, stored.version)
        case Role.VENDOR:
            return own_vendor(stored.aggregate, stored.version)
        case _:
            return public_vendor(stored.aggregate, stored.version)
