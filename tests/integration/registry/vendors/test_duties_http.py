"""Duties that nobody has both: whoever has spoken for a vendor decides nothing about it, in any role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.registry.door import (
    APPLICATION,
    OPERATOR,
    REVIEWER,
    Claims,
    Door,
    nobody,
    open_door,
    vendor,
)
from tests.support.stack.access_table import ROWS, Caller

BOTH: Final = "bo"
"""The subject that has more than one role."""
AS_REVIEWER: Final = {"role": "reviewer", "sub": BOTH}
REVIEW: Final = {"kind": "security", "verdict": "pass"}
REASON: Final = {"reason": "a leak"}
JUDGEMENTS: Final[dict[str, Any]] = {
    "reviews": REVIEW,
    "approve": None,
    "reject": REASON,
    "suspend": REASON,
    "reinstate": None,
    "keys": None,
}
"""What decides about a vendor, by the end of its path: its body."""
OF_THE_VENDOR_TOO: Final = {
    ("DELETE", "/v1/vendors/{vendor_id}/keys/{key_id}"),
    ("POST", "/v1/vendors/{vendor_id}/keys/{key_id}/rotate"),
}
"""What a reviewer may do and the vendor itself may do too: whoever has both roles could do it anyway."""


@pytest.fixture
async def door(database: str, tmp_path: Path) -> AsyncIterator[Door]:
    """A registry with a ledger of the test's own."""
    async with open_door(database, tmp_path) as door:
        yield door


async def _approved(door: Door, applicant: Claims | None = None) -> str:
    """Let a vendor in, which somebody else applied for; return its path."""
    made = await door.done(applicant or vendor("vera"), "POST", "/v1/vendors", APPLICATION)
    path = f"/v1/vendors/{made['vendor_id']}"
    for kind in ("security", "compliance"):
        await door.done(REVIEWER, "POST", f"{path}/reviews", {**REVIEW, "kind": kind})
    await door.done(REVIEWER, "POST", f"{path}/approve")
    return path


def _itself(path: str) -> Claims:
    """Return the claims of somebody whom the identity provider calls the vendor."""
    return vendor(BOTH, path.rpartition("/")[2])


async def _applied(door: Door) -> str:
    return await _approved(door, vendor(BOTH))


async def _applied_without_a_role(door: Door) -> str:
    return await _approved(door, nobody(BOTH))


async def _applied_before_somebody_else_did(door: Door) -> str:
    path = f"/v1/vendors/{(await door.done(vendor(BOTH), 'POST', '/v1/vendors', APPLICATION))['vendor_id']}"
    await door.done(REVIEWER, "POST", f"{path}/reject", REASON)
    other = vendor("vera", path.rpartition("/")[2])
    await door.done(other, "POST", f"{path}/reapply", APPLICATION)
    return path


async def _amended(door: Door) -> str:
    path = await _approved(door)
    await door.done(_itself(path), "PATCH", path, {"website": "https://elsewhere.example"})
    return path


async def _rotated_a_key(door: Door) -> str:
    path = await _approved(door)
    key = await door.done(REVIEWER, "POST", f"{path}/keys")
    await door.done(_itself(path), "POST", f"{path}/keys/{key['key']['key_id']}/rotate", {"overlap_s": 0})
    return path


async def _was_let_in(door: Door) -> str:
    path = await _approved(door)
    await door.let_in(BOTH, vendor_id=path.rpartition("/")[2])
    return path


async def _was_let_in_and_shut_out(door: Door) -> str:
    path = await _approved(door)
    login_id = await door.let_in(BOTH, vendor_id=path.rpartition("/")[2])
    await door.done(OPERATOR, "DELETE", f"{path}/logins/{login_id}")
    return path


async def _invited_as_the_vendor(door: Door) -> str:
    path = await _approved(door)
    await door.invited(_itself(path), vendor_id=path.rpartition("/")[2])
    return path


async def _invited_as_an_operator(door: Door) -> str:
    path = await _approved(door)
    await door.invited({**OPERATOR, "sub": BOTH}, vendor_id=path.rpartition("/")[2])
    return path


async def _shut_out_as_the_vendor(door: Door) -> str:
    path = await _approved(door)
    login_id = await door.let_in("ann", vendor_id=path.rpartition("/")[2])
    await door.done(_itself(path), "DELETE", f"{path}/logins/{login_id}")
    return path


async def _judged_it_before(door: Door) -> str:
    path = await _approved(door)
    await door.done(AS_REVIEWER, "POST", f"{path}/reviews", REVIEW)
    return path


async def _shut_out_as_an_operator(door: Door) -> str:
    path = await _approved(door)
    login_id = await door.let_in("ann", vendor_id=path.rpartition("/")[2])
    await door.done({**OPERATOR, "sub": BOTH}, "DELETE", f"{path}/logins/{login_id}")
    return path


async def _speaks_for_another(door: Door) -> str:
    await _applied(door)
    return await _approved(door)


async def _invited_to_an_account(door: Door) -> str:
    await door.invited({**OPERATOR, "sub": BOTH}, account_id=await door.account())
    return await _approved(door)


Way = Callable[[Door], Awaitable[str]]
ITS_OWN: Final[tuple[Way, ...]] = (
    _applied,
    _applied_without_a_role,
    _applied_before_somebody_else_did,
    _amended,
    _rotated_a_key,
    _was_let_in,
    _was_let_in_and_shut_out,
    _invited_as_the_vendor,
    _invited_as_an_operator,
    _shut_out_as_the_vendor,
)
NOT_ITS_OWN: Final[tuple[Way, ...]] = (
    _judged_it_before,
    _shut_out_as_an_operator,
    _speaks_for_another,
    _invited_to_an_account,
)


@pytest.mark.parametrize("way", ITS_OWN)
async def test_nobody_decides_about_their_own_vendor(door: Door, way: Way) -> None:
    """Whatever made the vendor their own, no judgement is theirs; to keep its keys safe is, as a vendor's."""
    path = await way(door)
    before = await door.events()
    for action, body in JUDGEMENTS.items():
        refused = await door.ask(AS_REVIEWER, "POST", f"{path}/{action}", body)
        assert (refused.status, refused.slug) == (409, "own-application"), action
        assert "another reviewer has to" in refused.body["detail"]
    assert await door.events() == before
    assert (await door.ask(REVIEWER, "POST", f"{path}/reviews", REVIEW)).status == 200


@pytest.mark.parametrize("way", NOT_ITS_OWN)
async def test_others_decide(door: Door, way: Way) -> None:
    """Who reviewed the vendor, shut a login of it out, or speaks for another one has nothing to gain."""
    path = await way(door)
    for action in ("reviews", "suspend", "reinstate", "keys"):
        await door.done(AS_REVIEWER, "POST", f"{path}/{action}", JUDGEMENTS[action])


def test_every_command_of_a_reviewer_is_a_judgement_or_the_vendors_too() -> None:
    """A command that reviewers get is added to one of the two tables here."""
    of_reviewers = {
        (row.method, row.path)
        for row in ROWS
        if row.service == "registry"
        and row.path.startswith("/v1/vendors/")
        and row.method != "GET"
        and row.expected[Caller.REVIEWER] == "ok"
    }
    judgements = {("POST", f"/v1/vendors/{{vendor_id}}/{action}") for action in JUDGEMENTS}
    assert of_reviewers == judgements | OF_THE_VENDOR_TOO
    for row in ROWS:
        if (row.method, row.path) in judgements:
            assert [who for who, outcome in row.expected.items() if outcome == "ok"] == [Caller.REVIEWER]
        elif (row.method, row.path) in OF_THE_VENDOR_TOO:
            assert row.expected[Caller.VENDOR] == "ok"
