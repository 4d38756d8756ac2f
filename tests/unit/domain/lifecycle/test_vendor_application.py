"""An application to be a vendor: it binds the login of whoever made it, and nobody makes two."""

import pytest
from msgspec.structs import replace

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.identity.login import Login, LoginBound, LoginEnded
from keyfold.domain.lifecycle.vendor import (
    Vendor,
)
from keyfold.domain.lifecycle.vendor_commands import (
    decide_application,
)
from keyfold.domain.refusal import RefusalKind
from tests.support.domain.given import (
    APPLIED,
    APPROVED,
    BOUND,
    NOW,
    REJECTED,
    SUSPENDED,
    code_of,
)
from tests.support.domain.vendor_events import (
    APPLICATION_MADE,
    APPLY,
    ID,
)

LET_IN = LoginBound(
    login_id=BOUND.login_id,
    issuer=BOUND.issuer,
    subject="dana",
    account_id=None,
    vendor_id=ID,
    invitation_id=None,
    bound_at=NOW,
)
BEFORE = replace(REJECTED, vendor_id=VendorId("ven_0"))
BOUND_BEFORE = replace(BOUND, account_id=None, vendor_id=BEFORE.vendor_id)
TAKEN_OVER = replace(APPLIED, vendor_id=BEFORE.vendor_id, applicant="dora")
APPLIED_ALREADY = (RefusalKind.CONFLICT, "vendor-exists")


def test_whoever_applies_speaks_for_the_vendor() -> None:
    """Its login is bound with the application, and leaves a vendor that was rejected."""
    outcome = decide_application(APPLY, None, NOW, earlier=(), login=None)
    assert outcome == (APPLICATION_MADE, LET_IN)
    left = LoginEnded(login_id=BOUND.login_id, account_id=None, vendor_id=BEFORE.vendor_id, ended_at=NOW)
    outcome = decide_application(APPLY, None, NOW, earlier=(BEFORE,), login=BOUND_BEFORE)
    assert outcome == (left, APPLICATION_MADE, LET_IN)
    outcome = decide_application(APPLY, None, NOW, earlier=(TAKEN_OVER,), login=None)
    assert outcome == (APPLICATION_MADE, LET_IN)


@pytest.mark.parametrize("vendor", [APPLIED, APPROVED, SUSPENDED])
def test_nobody_applies_twice(vendor: Vendor) -> None:
    """An application that was not rejected stands."""
    outcome = decide_application(APPLY, None, NOW, earlier=(BEFORE, vendor), login=None)
    assert code_of(outcome) == APPLIED_ALREADY
    assert code_of(decide_application(APPLY, vendor, NOW, earlier=(), login=None)) == APPLIED_ALREADY


@pytest.mark.parametrize(
    ("login", "earlier"), [(BOUND, (BEFORE,)), (BOUND_BEFORE, ()), (BOUND_BEFORE, (TAKEN_OVER,))]
)
def test_a_login_that_speaks_for_somebody_does_not_apply(login: Login, earlier: tuple[Vendor, ...]) -> None:
    """It would leave an account, or a vendor that was not rejected."""
    assert code_of(decide_application(APPLY, None, NOW, earlier=earlier, login=login)) == APPLIED_ALREADY
