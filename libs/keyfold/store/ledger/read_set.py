"""What decisions look at: streams folded, and lists that nobody may add to unseen meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from keyfold.domain.ids import AccountId, StreamId, VendorId
from keyfold.domain.lifecycle.fold import Aggregate, LifecycleEvent, evolve, stream_of
from keyfold.domain.lifecycle.subscriber_key import (
    ActiveSubscriberKey,
    SubscriberKeyCreated,
    SubscriberKeyRevoked,
)
from keyfold.domain.lifecycle.vendor import VendorApplied, VendorReapplied
from keyfold.store.ledger.idempotency_records import IdempotencyRecord
from keyfold.wire.events.chain import Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Versioned:
    """A stream folded: what it holds, or None for one without events, and its version (0 then)."""

    aggregate: Aggregate | None
    version: int


NOTHING = Versioned(aggregate=None, version=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKeys:
    """How many keys of an account are not revoked, and the position at which its last one was made, or 0."""

    live: int
    created_position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Applications:
    """The vendors that somebody has applied for, and the position of the last application, or 0."""

    vendor_ids: frozenset[VendorId]
    applied_position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSet:
    """What to look at. The live keys of whole accounts, and what was applied for, come as streams too."""

    streams: frozenset[StreamId]
    accounts: frozenset[AccountId] = frozenset()
    whole_accounts: frozenset[AccountId] = frozenset()
    applicants: frozenset[str] = frozenset()
    answer_ids: frozenset[bytes] = frozenset()

    def and_also(self, other: "ReadSet") -> "ReadSet":
        """Return what either wants."""
        return ReadSet(
            streams=self.streams | other.streams,
            accounts=self.accounts | other.accounts,
            whole_accounts=self.whole_accounts | other.whole_accounts,
            applicants=self.applicants | other.applicants,
            answer_ids=self.answer_ids | other.answer_ids,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must still be so when events are recorded: versions, and the positions of last additions.

    All of it is so while the ledger's head is still `head`, None where it was not looked up at one moment.
    """

    versions: Mapping[StreamId, int]
    head: Head | None = None
    created_positions: Mapping[AccountId, int] = field(default_factory=lambda: MappingProxyType({}))
    applied_positions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSetValues:
    """Everything that was wanted, as of one moment: that of the ledger's `head` and its time."""

    streams: Mapping[StreamId, Versioned]
    account_keys: Mapping[AccountId, AccountKeys]
    applications: Mapping[str, Applications]
    answers: Mapping[bytes, IdempotencyRecord]
    head: Head
    recorded_at: datetime

    def expected(self) -> Expected:
        """Return what must still be so when events are recorded that were decided on this."""
        return Expected(
            head=self.head,
            versions={stream: each.version for stream, each in self.streams.items()},
            created_positions={each: keys.created_position for each, keys in self.account_keys.items()},
            applied_positions={each: made.applied_position for each, made in self.applications.items()},
        )

    def active_keys(self, account_id: AccountId) -> list[ActiveSubscriberKey]:
        """Return the account's keys that work, among the streams: all of them where it was wanted whole."""
        aggregates = (each.aggregate for each in self.streams.values())
        return [
            each
            for each in aggregates
            if isinstance(each, ActiveSubscriberKey) and each.account_id == account_id
        ]

    def after(self, events: Sequence[LifecycleEvent]) -> "ReadSetValues":
        """Return this as the events will leave it. Raises LookupError for a stream that was not looked at."""
        streams = dict(self.streams)
        for event in events:
            stream = stream_of(event)
            before = streams[stream]
            streams[stream] = Versioned(aggregate=evolve(before.aggregate, event), version=before.version + 1)
        return replace(
            self,
            streams=streams,
            account_keys=_with_keys(self.account_keys, events),
            applications=_with_applications(self.applications, events),
        )


def _with_keys(
    account_keys: Mapping[AccountId, AccountKeys], events: Sequence[LifecycleEvent]
) -> Mapping[AccountId, AccountKeys]:
    changed = dict(account_keys)
    for event in events:
        match event:
            case SubscriberKeyCreated(account_id=account_id) if account_id in changed:
                keys = changed[account_id]
                changed[account_id] = replace(keys, live=keys.live + 1)
            case SubscriberKeyRevoked(account_id=account_id) if account_id in changed:
                keys = changed[account_id]
                changed[account_id] = replace(keys, live=keys.live - 1)
    return changed


def _with_applications(
    applications: Mapping[str, Applications], events: Sequence[LifecycleEvent]
) -> Mapping[str, Applications]:
    changed = dict(applications)
    for event in events:
        if isinstance(event, VendorApplied | VendorReapplied) and event.applicant in changed:
            made = changed[event.applicant]
            changed[event.applicant] = replace(made, vendor_ids=made.vendor_ids | {event.vendor_id})
    return changed
