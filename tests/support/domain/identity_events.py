"""What happens when an invitation lets a login in, as plain values."""

from __future__ import annotations

from keyfold.domain.ids import LoginId
from keyfold.domain.lifecycle.identity.invitation import (
    InvitationMade,
    InvitationUsed,
)
from keyfold.domain.lifecycle.identity.login import LoginBound
from tests.support.domain.given import BOUND, INVITED, LATER, NOW

ANNA = LoginId("log_1")
MADE = InvitationMade(
    invitation_id=INVITED.invitation_id,
    account_id=INVITED.account_id,
    vendor_id=None,
    digest=INVITED.digest,
    made_at=NOW,
    expires_at=LATER,
)
USED = InvitationUsed(
    invitation_id=INVITED.invitation_id,
    account_id=INVITED.account_id,
    vendor_id=None,
    login_id=ANNA,
    used_at=NOW,
)
LET_IN = LoginBound(
    login_id=ANNA,
    issuer=BOUND.issuer,
    subject=BOUND.subject,
    account_id=INVITED.account_id,
    vendor_id=None,
    invitation_id=INVITED.invitation_id,
    bound_at=NOW,
)
