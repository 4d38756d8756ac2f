"""Invitations: open for a while, used once, and known by their code alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from keyfold.domain.ids import AccountId, LoginId, VendorId
from keyfold.domain.lifecycle.identity.invitation import (
    Invitation,
    InvitationState,
    LoginClaims,
    MakeInvitation,
    UseInvitation,
    WithdrawInvitation,
    decide,
    evolve,
)
from keyfold.domain.refusal import ImpossibleEvent, Refusal
from tests.support.domain.given import BOUND, INVITED, LATER, MOMENT, NOW, WITHDRAWN
from tests.support.domain.identity_events import ANNA, LET_IN, MADE, USED

BERT = LoginId("log_2")
MAKE = MakeInvitation(
    invitation_id=INVITED.invitation_id,
    account_id=INVITED.account_id,
    vendor_id=None,
    digest=INVITED.digest,
    valid_for=LATER - NOW,
)
NO_CLAIMS = LoginClaims(role=None, account_id=None, vendor_id=None)
USE = UseInvitation(
    invitation_id=INVITED.invitation_id,
    digest=INVITED.digest,
    login_id=ANNA,
    issuer=BOUND.issuer,
    subject=BOUND.subject,
    claims=NO_CLAIMS,
)
BY_ANNA = replace(INVITED, used_by=ANNA)
NO_MORE = replace(INVITED, is_withdrawn=True)
WITHDRAW = WithdrawInvitation(
    invitation_id=INVITED.invitation_id, tenant_id=INVITED.account_id, may_see_all=False
)


def code_of(outcome: object) -> str:
    """Return the code of a refusal."""
    assert isinstance(outcome, Refusal)
    return outcome.code


def test_an_invitation_is_made_to_what_there_is() -> None:
    """And to nothing else, and once."""
    assert decide(MAKE, None, NOW, is_known=True) == (MADE,)
    assert evolve(None, MADE) == INVITED
    assert code_of(decide(MAKE, None, NOW)) == "not-found"
    assert code_of(decide(MAKE, INVITED, NOW, is_known=True)) == "invitation-exists"


@pytest.mark.parametrize(
    ("invitation", "at", "state"),
    [
        (INVITED, LATER - MOMENT, InvitationState.OPEN),
        (INVITED, LATER, InvitationState.OVER),
        (BY_ANNA, LATER, InvitationState.USED),
        (NO_MORE, NOW, InvitationState.WITHDRAWN),
    ],
)
def test_where_it_stands(invitation: Invitation, at: datetime, state: InvitationState) -> None:
    """It is over by the clock alone, from its end on."""
    assert invitation.state(at) is state


def test_it_is_used_once() -> None:
    """By whoever comes first; the same login again changes nothing while it is bound, and then it is used."""
    assert decide(USE, INVITED, NOW) == (USED, LET_IN)
    assert evolve(INVITED, USED) == BY_ANNA
    assert decide(USE, BY_ANNA, NOW, login=BOUND) == ()
    elsewhere = replace(BOUND, account_id=AccountId("acc_2"))
    for login in (None, elsewhere):
        assert code_of(decide(USE, BY_ANNA, NOW, login=login)) == "invitation-used"
    assert code_of(decide(replace(USE, login_id=BERT), BY_ANNA, NOW, login=BOUND)) == "invitation-used"


def test_it_binds_no_login_that_speaks_for_somebody() -> None:
    """A login that is bound already does not use an invitation up."""
    assert code_of(decide(USE, INVITED, NOW, login=BOUND)) == "login-bound"


@pytest.mark.parametrize(
    ("claims", "is_taken"),
    [
        ({"role": "owner"}, True),
        ({"account_id": INVITED.account_id}, True),
        ({"role": "vendor"}, False),
        ({"account_id": AccountId("acc_2")}, False),
        ({"vendor_id": VendorId("ven_1")}, False),
    ],
)
def test_a_token_that_says_something_else_is_refused(claims: dict[str, Any], is_taken: bool) -> None:
    """What the token leaves open the invitation adds; what it says must be the same."""
    outcome = decide(replace(USE, claims=replace(NO_CLAIMS, **claims)), INVITED, NOW)
    if is_taken:
        assert outcome == (USED, LET_IN)
    else:
        assert code_of(outcome) == "invitation-for-another"


def test_it_is_not_used_too_late() -> None:
    """Nor withdrawn, nor with another code, which does not even tell that there is one."""
    assert code_of(decide(USE, INVITED, LATER)) == "invitation-over"
    assert code_of(decide(USE, NO_MORE, NOW)) == "invitation-withdrawn"
    for invitation in (None, *(replace(each, digest=bytes(32)) for each in (INVITED, NO_MORE, BY_ANNA))):
        assert code_of(decide(USE, invitation, NOW)) == "not-found"


def test_it_is_withdrawn() -> None:
    """Once, also when it is over; one that was used has done what it was for."""
    assert decide(WITHDRAW, INVITED, NOW) == (WITHDRAWN,)
    assert evolve(INVITED, WITHDRAWN) == NO_MORE
    assert decide(WITHDRAW, NO_MORE, NOW) == ()
    assert code_of(decide(WITHDRAW, BY_ANNA, NOW)) == "invitation-used"
    assert code_of(decide(WITHDRAW, None, NOW)) == "not-found"


@pytest.mark.parametrize("tenant_id", [None, AccountId("acc_2"), VendorId("ven_1")])
@pytest.mark.parametrize("invitation", [INVITED, BY_ANNA, NO_MORE])
def test_anothers_invitation_is_not_there(
    tenant_id: AccountId | VendorId | None, invitation: Invitation
) -> None:
    """Only who speaks for what it is to finds it, and who may see all."""
    withdraw = replace(WITHDRAW, tenant_id=tenant_id)
    assert code_of(decide(withdraw, invitation, NOW)) == "not-found"
    assert decide(replace(withdraw, may_see_all=True), INVITED, NOW) == (WITHDRAWN,)


def test_what_cannot_follow() -> None:
    """Nothing follows its end, and nothing of another invitation."""
    elsewhere = replace(USED, account_id=None)
    for invitation, event in (
        (INVITED, MADE),
        (None, USED),
        (BY_ANNA, USED),
        (NO_MORE, USED),
        (BY_ANNA, WITHDRAWN),
        (INVITED, elsewhere),
    ):
        with pytest.raises(ImpossibleEvent):
            evolve(invitation, event)
