"""The access event: the record of a decision, as the journal, Kafka and the access log hold it."""

from datetime import datetime

from msgspec import Struct

from keyfold.domain.ids import AccountId, EventId, KeyId, VendorId
from keyfold.domain.permissions import Access


class AccessEvent(Struct, frozen=True, gc=False):
    """One decision: when, which key, which vendor, what data, what answer. Allowed when `reason` is None.

    An event can also stand for several decisions: `requests` says how many. All of them came through one
    gateway within one second, and were allowed on public routes, or denied for one reason while they proved
    no key, or the same dead one: a key that was revoked, or whose secret was replaced.

    `category` and `reason` are text, a `Category` and a `Reason` if this code knows them: the gatekeeper may
    be newer than the reader.

    `at` is by the gatekeeper's clock in UTC, to the microsecond. `path` never has a query string. `position`
    is the ledger position at which the decision was made, 0 before any was known. `gatekeeper` names one run
    of a gatekeeper process; `seq` numbers that run's records from 1 without a gap. `policy` is the number by
    which the run announced the route map and the settings that decided; None in events from before.

    `more` has the fields that this code does not know, as the members of a JSON object, without its braces.
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
    policy: int | None = None
    more: str | None = None

    @property
    def decision(self) -> str:
        """`allow` or `deny`."""
        return "allow" if self.reason is None else "deny"

    @property
    def is_public(self) -> bool:
        """Whether it was allowed without a key, on a public route."""
        return self.reason is None and self.key_id is None
