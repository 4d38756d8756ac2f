"""The end of a gatekeeper's run, as whoever shipped the last of its journal knows it."""

from datetime import datetime

from msgspec import Struct


class ClosedRun(Struct, frozen=True, kw_only=True, gc=False):
    """A run is over, and all records that are left of its journal are shipped, up to `last_seq`: 0 of none.

    `is_exact` says that no record can have been lost behind that one: the journal can be read to its end, and
    its machine has not been down since. `at` is when the journal was last written to.
    """

    gatekeeper: str
    last_seq: int
    is_exact: bool
    at: datetime
