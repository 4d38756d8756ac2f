"""What is known of a gatekeeper's run beside its decisions: what it says of itself, and how it ended."""

from datetime import datetime

from msgspec import Struct


class RunRecord(Struct, frozen=True, kw_only=True, gc=False):
    """A record of a run that is no access event: its opening, a policy, its end, or one of a later version.

    `seq` is its number among the run's records, 0 for the opening, None for one without a number.
    `statement` is what it says, as the bytes that came; `policy_text`, of the content whose SHA-256 is
    `policy_digest` (hexadecimal), is not part of it.
    """

    event_id: str
    type: str
    gatekeeper: str
    seq: int | None
    at: datetime
    statement: bytes
    policy_digest: str | None = None
    policy_text: str | None = None


class ClosedRun(Struct, frozen=True, kw_only=True, gc=False):
    """A run is over, and all records left of its journal are shipped, up to `last_seq`: 0 if there are none.

    `is_exact` says that no later record can have been lost: the journal is readable to its end, and its
    machine has not been down since. `at` is when the journal was last written to.
    """

    gatekeeper: str
    last_seq: int
    is_exact: bool
    at: datetime
