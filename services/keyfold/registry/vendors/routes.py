"""Vendors over HTTP, looked at: reviewers see all, a vendor itself, owners those that were let in."""

from typing import Final

from keyfold.domain.ids import VendorId, vendor_stream
from keyfold.domain.lifecycle.aggregates import VENDOR
from keyfold.domain.lifecycle.vendor import Vendor, VendorState
from keyfold.registry.commands.http import answer_with_etag
from keyfold.registry.reads import Folded, Reads, cut_list, is_applicant, is_hidden, read_before
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
            own = await self._find(VendorId(caller.vendor_id))
            is_asked = own is not None and query.state in (None, own.aggregate.state)
            return Answer(body=page([_show_to(caller, own)] if own and is_asked else [], None))
        state = query.state
        if caller.role is Role.OWNER:
            if state not in (None, VendorState.APPROVED):
                return Answer(body=page([], None))
            state = VendorState.APPROVED
        model = await self._reads.catch_up()
        listed = await model.list_vendors(
            state=state,
            applicant=caller.sub if is_applicant(caller) else None,
            before=read_before(query),
            limit=query.rows_max,
        )
        shown, next_cursor = cut_list(listed, query)
        found = await self._reads.find_all(VENDOR, [vendor_stream(VendorId(each.id)) for each in shown])
        vendors = [
            each
            for each in found
            if state in (None, each.aggregate.state) and not is_hidden(each.aggregate, caller)
        ]
        return Answer(body=page([_show_to(caller, each) for each in vendors], next_cursor))

    async def get_vendor(self, request: Request[None, None]) -> Reply:
        """Show a vendor, as much of it as the caller may see."""
        found = await self._find(VendorId(request.path["vendor_id"]))
        if found is None or not _is_visible(request.caller, found.aggregate):
            return NOT_FOUND
        return answer_with_etag(_show_to(request.caller, found), found.version)

    async def _find(self, vendor_id: VendorId) -> Folded[Vendor] | None:
        return await self._reads.find(VENDOR, vendor_stream(vendor_id))


def _is_visible(caller: Caller, vendor: Vendor) -> bool:
    if caller.role is Role.OWNER:
        return vendor.state is VendorState.APPROVED
    return not is_hidden(vendor, caller)


def _show_to(caller: Caller, found: Folded[Vendor]) -> PublicVendor:
    match caller.role:
        case Role.REVIEWER:
            return reviewed_vendor(found.aggregate, found.version)
        case Role.VENDOR:
            return own_vendor(found.aggregate, found.version)
        case _:
            return public_vendor(found.aggregate, found.version)
