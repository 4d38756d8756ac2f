"""What was looked at, as events will leave it."""

import pytest

from keyfold.domain.lifecycle.fold import Actor
from keyfold.store.ledger.read_set import ReadSetValues
from keyfold.wire.events.chain import GENESIS
from tests.support.domain.given import NOW
from tests.support.lifecycle_events import account_created


def test_nothing_is_written_unseen() -> None:
    """An event of a stream that was not looked at is a mistake: nobody could tell its version."""
    event = account_created(1)
    stream = f"account-{event.account_id}"
    seen = ReadSetValues(
        streams={}, account_keys={}, applications={}, answers={}, head=GENESIS, recorded_at=NOW
    )
    with pytest.raises(LookupError, match=stream):
        seen.apply([event], Actor(role="operator", subject="olivia"))
