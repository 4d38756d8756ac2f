"""The end of a gatekeeper's run, as known to the shipper that shipped the last of its journal."""

from datetime import datetime

from msgspec import Struct


class ClosedRun(Struct, frozen=True, kw_only=True, gc=False):
    """A run is over, and all records left of its journal are shipped, up to `last_seq`: 0 if there are none.

    `is_exact` says that no later record can have been lost: the journal is readable to its end, and its
    machine has not been down since. `at` is when the journal was last written to.
    """

    gatekeeper: str
    last_seq: int
    is_exact: bool
    at: datetime
