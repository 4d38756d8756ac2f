"""Logins: bound to one account or vendor at a time, ended at once, and never the last by itself."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from keyfold.domain.ids import AccountId, InvitationId, LoginId, VendorId, login_stream
from keyfold.domain.lifecycle.identity.login import (
    BindLogin,
    EndedLogin,
    EndLogin,
    Login,
    decide,
    evolve,
)
from keyfold.domain.refusal import ImpossibleEvent, Refusal, RefusalKind
from tests.support.domain.given import BOUND, ENDED, LATER, NOW, SHUT
from tests.support.domain.identity_events import LET_IN

GONE = EndedLogin(login_id=BOUND.login_id, account_id=SHUT.account_id, vendor_id=None, ended_at=LATER)
BIND = BindLogin(
    login_id=BOUND.login_id,
    issuer=BOUND.issuer,
    subject=BOUND.subject,
    account_id=SHUT.account_id,
    vendor_id=None,
    invitation_id=InvitationId("inv_1"),
)
OTHER = replace(BOUND, login_id=LoginId("log_2"))
END = EndLogin(
    login_id=BOUND.login_id,
    account_id=SHUT.account_id,
    vendor_id=None,
    others=(login_stream(OTHER.login_id),),
    may_end_last=False,
)


@pytest.mark.parametrize("login", [None, GONE])
def test_a_login_that_speaks_for_nobody_can_be_bound(login: Login | None) -> None:
    """For the first time or once more."""
    assert decide(BIND, login, NOW) == (LET_IN,)
    assert evolve(login, LET_IN) == BOUND


def test_a_login_speaks_for_one_thing() -> None:
    """Bound already, it is refused, also for what it is bound to."""
    for bound in (BOUND, replace(BOUND, account_id=None, vendor_id=VendorId("ven_1"))):
        refused = decide(BIND, bound, NOW)
        assert isinstance(refused, Refusal)
        assert refused.code == "login-bound"


def test_a_login_is_ended_once() -> None:
    """A second time changes nothing."""
    assert decide(END, BOUND, LATER, others=(OTHER,)) == (ENDED,)
    assert evolve(BOUND, ENDED) == GONE
    assert decide(END, GONE, LATER) == ()


@pytest.mark.parametrize("login", [None, BOUND, GONE])
@pytest.mark.parametrize(
    "tenant",
    [{"account_id": AccountId("acc_2")}, {"account_id": None, "vendor_id": VendorId("ven_1")}],
    ids=str,
)
def test_anothers_login_is_none(login: Login | None, tenant: dict[str, str | None]) -> None:
    """What is bound to another account or vendor, or was, is not there."""
    refused = decide(replace(END, **tenant), login, LATER, others=(OTHER,))
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.NOT_FOUND


def test_the_last_login_is_not_ended_but_by_who_may() -> None:
    """An operator may lock everybody out; nobody locks out itself. Only who speaks for the same counts."""
    elsewhere = replace(OTHER, account_id=AccountId("acc_2"))
    for others in ((), (None,), (replace(GONE, login_id=OTHER.login_id),), (elsewhere,)):
        refused = decide(END, BOUND, LATER, others=others)
        assert isinstance(refused, Refusal)
        assert refused.code == "last-login"
        assert decide(replace(END, may_end_last=True), BOUND, LATER, others=others) == (ENDED,)


def test_what_cannot_follow() -> None:
    """No login is bound twice, ended twice, or ended for another than it is bound to."""
    for login, event in (
        (BOUND, LET_IN),
        (None, ENDED),
        (GONE, ENDED),
        (BOUND, replace(ENDED, account_id=AccountId("acc_2"))),
        (BOUND, replace(ENDED, login_id=LoginId("log_2"))),
    ):
        with pytest.raises(ImpossibleEvent):
            evolve(login, event)
