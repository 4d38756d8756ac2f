"""A state with one of everything, as it was at an instant."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from keyfold.cli.commands.ledger.past_state import PastState
from keyfold.domain.ids import KeyId
from keyfold.domain.lifecycle.state import State
from tests.support.domain.given import (
    APPROVED,
    KEY,
    LATER,
    OLD_SECRET,
    OPEN,
    REVOKED_KEY,
    VENDOR_KEY,
)

ROTATED = replace(KEY, key_id=KeyId("key_r"), outgoing=OLD_SECRET, expires_at=None)
EXPIRING = replace(KEY, key_id=KeyId("key_e"), expires_at=LATER)
REVOKED = replace(REVOKED_KEY, key_id=KeyId("key_x"))


def past(at: datetime) -> PastState:
    """Return a state with one of everything, at a time."""
    state = State()
    for each in (OPEN, APPROVED, VENDOR_KEY, ROTATED, EXPIRING, REVOKED):
        state.put(each)
    return PastState(position=6, at=at, state=state)
