"""Invitations: open for a while, used once, and known by their code alone."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from keyfold.domain.ids import LoginId
from keyfold.domain.lifecycle.invitation import (
    Invitation,
    InvitationMade,
    InvitationState,
    InvitationUsed,
    MakeInvitation,
    UseInvitation,
    WithdrawInvitation,
    decide,
    evolve,
)
from keyfold.domain.refusal import ImpossibleEvent, Refusal
from tests.support.domain.given import INVITED, LATER, MOMENT, NOW, WITHDRAWN

ANNA, BERT = LoginId("log_1"), LoginId("log_2")
MAKE = MakeInvitation(
    invitation_id=INVITED.invitation_id,
    account_id=INVITED.account_id,
    vendor_id=None,
    is_known=True,
    digest=INVITED.digest,
    made_at=NOW,
    expires_at=LATER,
)
MADE = InvitationMade(
    invitation_id=INVITED.invitation_id,
    account_id=INVITED.account_id,
    vendor_id=None,
    digest=INVITED.digest,
    made_at=NOW,
    expires_at=LATER,
)
USE = UseInvitation(digest=INVITED.digest, login_id=ANNA, is_bound=False, used_at=NOW)
USED = InvitationUsed(
    invitation_id=INVITED.invitation_id,
    account_id=INVITED.account_id,
    vendor_id=None,
    login_id=ANNA,
    used_at=NOW,
)
BY_ANNA = replace(INVITED, used_by=ANNA)
NO_MORE = replace(INVITED, is_withdrawn=True)


def code_of(outcome: object) -> str:
    """Return the code of a refusal."""
    assert isinstance(outcome, Refusal)
    return outcome.code


def test_an_invitation_is_made_to_what_there_is() -> None:
    """And to nothing else, and once."""
    assert decide(MAKE, None) == (MADE,)
    assert evolve(None, MADE) == INVITED
    assert code_of(decide(replace(MAKE, is_known=False), None)) == "not-found"
    assert code_of(decide(MAKE, INVITED)) == "invitation-exists"


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
    assert decide(USE, INVITED) == (USED,)
    assert evolve(INVITED, USED) == BY_ANNA
    assert decide(replace(USE, is_bound=True), BY_ANNA) == ()
    assert code_of(decide(USE, BY_ANNA)) == "invitation-used"
    assert code_of(decide(replace(USE, login_id=BERT, is_bound=True), BY_ANNA)) == "invitation-used"


def test_it_is_not_used_too_late() -> None:
    """Nor withdrawn, nor with another code, which does not even tell that there is one."""
    assert code_of(decide(replace(USE, used_at=LATER), INVITED)) == "invitation-over"
    assert code_of(decide(USE, NO_MORE)) == "invitation-withdrawn"
    for invitation in (None, *(replace(each, digest=bytes(32)) for each in (INVITED, NO_MORE, BY_ANNA))):
        assert code_of(decide(USE, invitation)) == "not-found"


def test_it_is_withdrawn() -> None:
    """Once, also when it is over; one that was used has done what it was for."""
    withdraw = WithdrawInvitation(withdrawn_at=NOW)
    assert decide(withdraw, INVITED) == (WITHDRAWN,)
    assert evolve(INVITED, WITHDRAWN) == NO_MORE
    assert decide(withdraw, NO_MORE) == ()
    assert code_of(decide(withdraw, BY_ANNA)) == "invitation-used"
    assert code_of(decide(withdraw, None)) == "not-found"


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
