"""`GET /v1/caller`: what the login of a token is here."""

from __future__ import annotations

import pytest

from keyfold.runtime.auth.caller import Caller
from tests.support.registry.serving import APPLICANT, GATEWAY, OPERATOR, REVIEWER, Registry, owner, vendor


@pytest.mark.parametrize(
    "caller", [owner("acc_1"), vendor("ven_1"), APPLICANT, REVIEWER, OPERATOR, GATEWAY], ids=str
)
async def test_who_calls(registry: Registry, caller: Caller) -> None:
    """Everybody is told what they are here, and of which account or vendor."""
    answered = await registry.ask(caller, "GET", "/v1/caller")
    assert (answered.status, answered.body) == (
        200,
        {
            "role": caller.role,
            "sub": caller.sub,
            "account_id": caller.account_id,
            "vendor_id": caller.vendor_id,
            "expires_at": None,
        },
    )
