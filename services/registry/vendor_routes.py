"""The calls about vendors, as rows of the route table."""

from typing import Final

from libs.runtime.auth import Role
from libs.runtime.http import AnyOf, AnyRoute, OwnVendor, PageQuery, Roles, Route
from services.registry.bodies import Application, NewReview, Reason
from services.registry.resources import OwnVendor as VendorSeenByItself
from services.registry.resources import ReviewedVendor, VendorPage, VendorView
from services.registry.vendors import Vendors

_REVIEWER: Final = Roles(frozenset({Role.REVIEWER}))
_VENDOR: Final = Roles(frozenset({Role.VENDOR}))
_ONE: Final = "/v1/vendors/{vendor_id}"


def vendor_routes(vendors: Vendors) -> list[AnyRoute]:
    """Return the rows of the route table."""
    return [
        Route(
            method="POST",
            path="/v1/vendors",
            handler=vendors.apply_vendor,
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
            handler=vendors.list_vendors,
            rule=Roles(frozenset({Role.REVIEWER, Role.VENDOR, Role.OWNER})),
            summary="Vendors: all to a reviewer, the approved to an owner, itself to a vendor.",
            query=PageQuery,
            answer=VendorPage,
        ),
        Route(
            method="GET",
            path=_ONE,
            handler=vendors.get_vendor,
            rule=AnyOf((OwnVendor(), Roles(frozenset({Role.REVIEWER, Role.OWNER})))),
            summary="A vendor, as much of it as the caller may see.",
            answer=VendorView,
        ),
        *_judgements(vendors),
    ]


def _judgements(vendors: Vendors) -> list[AnyRoute]:
    return [
        Route(
            method="POST",
            path=_ONE + "/reviews",
            handler=vendors.review_vendor,
            rule=_REVIEWER,
            summary="Record a security or compliance review.",
            body=NewReview,
            answer=ReviewedVendor,
            refusals=(409, 412),
        ),
        Route(
            method="POST",
            path=_ONE + "/approve",
            handler=vendors.approve_vendor,
            rule=_REVIEWER,
            summary="Let the vendor in, once both reviews have passed.",
            answer=ReviewedVendor,
            refusals=(409, 412),
        ),
        Route(
            method="POST",
            path=_ONE + "/reject",
            handler=vendors.reject_vendor,
            rule=_REVIEWER,
            summary="Turn the application down.",
            body=Reason,
            answer=ReviewedVendor,
            refusals=(409, 412),
        ),
        Route(
            method="POST",
            path=_ONE + "/suspend",
            handler=vendors.suspend_vendor,
            rule=_REVIEWER,
            summary="Stop all keys of the vendor at once.",
            body=Reason,
            answer=ReviewedVendor,
            refusals=(409, 412),
        ),
        Route(
            method="POST",
            path=_ONE + "/reinstate",
            handler=vendors.reinstate_vendor,
            rule=_REVIEWER,
            summary="Let the keys of a suspended vendor work again.",
            answer=ReviewedVendor,
            refusals=(409, 412),
        ),
    ]
