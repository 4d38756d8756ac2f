"""The access event: the record of a decision, as the journal, Kafka and the access log hold it."""

from datetime import datetime

from msgspec import Struct

from keyfold.domain.ids import AccountId, EventId, KeyId, VendorId
from keyfold.domain.permissions import Access


class AccessEvent(Struct, frozen=True, gc=False):
    """One decision: when, which key, which vendor, what data, what answer. Allowed when `reason` is None.

    Or many that are alike: `requests` says of how many requests it is the record. All of those were denied
    for one reason, came by one gateway within one second, and proved no key, or the same one that is dead: it
    was revoked, or its secret replaced.

    `category` and `reason` are text, a `Category` and a `Reason` where this code knows them: whoever decided
    may be newer than whoever reads.

    `at` is the gatekeeper's clock in UTC, to the microsecond. `path` has no query string, ever.
    `position` is the ledger position that the decision was made at, 0 before any was known. `gatekeeper`
    names one run of one gatekeeper process; `seq` counts that run's records from 1 without a gap.
    """

    event_id: EventId
    at: datetime
    account_id: AccountId | None
    key_id: KeyId | None
    vendor_id: VendorId | None
    vendor_key_id: KeyId | None
    category: str | None
    access: Access | None
    method: str
    path: str
    reason: str | None
    position: int
    gateway: str
    client_ip: str | None
    gatekeeper: str
    seq: int
    traceparent: str | None
    requests: int = 1

    @property
    def decision(self) -> str:
        """Return `allow` or `deny`."""
        return "allow" if self.reason is None else "deny"
