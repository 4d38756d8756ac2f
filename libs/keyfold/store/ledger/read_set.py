"""What a command looks at before it is decided, and what must still hold when its events are recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from keyfold.domain.ids import AccountId, StreamId, VendorId
from keyfold.domain.lifecycle.fold import Actor, Aggregate, LifecycleEvent, evolve, stream_of
from keyfold.domain.lifecycle.subscriber_key import (
    ActiveSubscriberKey,
    SubscriberKeyCreated,
    SubscriberKeyRevoked,
)
from keyfold.domain.lifecycle.vendor import VendorApplied, VendorReapplied
from keyfold.domain.lifecycle.vendor_judgement import speaks_for
from keyfold.store.ledger.idempotency_records import IdempotencyRecord, Keeper
from keyfold.wire.events.chain import Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Versioned:
    """A folded stream: its aggregate and its version; None and 0 for a stream without events."""

    aggregate: Aggregate | None
    version: int


NOTHING = Versioned(aggregate=None, version=0)

Speaker: TypeAlias = tuple[VendorId, str]
"""A vendor and a subject, of whom it is asked whether it has ever spoken for that vendor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKeys:
    """How many keys of an account are not revoked, and where its last key was made: a position, or 0."""

    live: int
    created_position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Applications:
    """The vendors that somebody has applied for, and the position of the last application; 0 for none."""

    vendor_ids: frozenset[VendorId]
    applied_position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSet:
    """What to look at.

    The streams of all live keys of `whole_accounts`, and of the vendors that `applicants` have applied for,
    are looked at too.
    """

    streams: frozenset[StreamId]
    accounts: frozenset[AccountId] = frozenset()
    whole_accounts: frozenset[AccountId] = frozenset()
    applicants: frozenset[str] = frozenset()
    speakers: frozenset[Speaker] = frozenset()
    answer_ids: frozenset[bytes] = frozenset()
    keepers: frozenset[Keeper] = frozenset()

    def join(self, other: "ReadSet") -> "ReadSet":
        """Return the union of both."""
        return ReadSet(
            streams=self.streams | other.streams,
            accounts=self.accounts | other.accounts,
            whole_accounts=self.whole_accounts | other.whole_accounts,
            applicants=self.applicants | other.applicants,
            speakers=self.speakers | other.speakers,
            answer_ids=self.answer_ids | other.answer_ids,
            keepers=self.keepers | other.keepers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must still hold when events are recorded: versions of streams, and positions of last additions.

    None of `silent` has spoken for its vendor. All of it holds while the ledger's head is still `head`, None
    where not all was read at one moment.
    """

    versions: Mapping[StreamId, int]
    head: Head | None = None
    created_positions: Mapping[AccountId, int] = field(default_factory=lambda: MappingProxyType({}))
    applied_positions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    silent: frozenset[Speaker] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSetValues:
    """Everything that was looked at, as it was at the ledger's `head`, recorded at `recorded_at`.

    `kept` counts the answers that are kept for a tenant or a login; who has none is not in it.
    """

    streams: Mapping[StreamId, Versioned]
    account_keys: Mapping[AccountId, AccountKeys]
    applications: Mapping[str, Applications]
    answers: Mapping[bytes, IdempotencyRecord]
    head: Head
    recorded_at: datetime
    speakers: Mapping[Speaker, bool] = field(default_factory=lambda: MappingProxyType({}))
    kept: Mapping[bytes, int] = field(default_factory=lambda: MappingProxyType({}))

    def expect(self) -> Expected:
        """Return what must still hold when events that were decided on this are recorded."""
        return Expected(
            head=self.head,
            versions={stream: each.version for stream, each in self.streams.items()},
            created_positions={each: keys.created_position for each, keys in self.account_keys.items()},
            applied_positions={each: made.applied_position for each, made in self.applications.items()},
            silent=frozenset(each for each, has_spoken in self.speakers.items() if not has_spoken),
        )

    def find_active_keys(self, account_id: AccountId) -> list[ActiveSubscriberKey]:
        """Return the account's active keys among the streams: all that it has if it is a whole account."""
        aggregates = (each.aggregate for each in self.streams.values())
        return [
            each
            for each in aggregates
            if isinstance(each, ActiveSubscriberKey) and each.account_id == account_id
        ]

    def find_speakers(self, vendor_id: VendorId) -> frozenset[str]:
        """Return the subjects, of those that were asked about, that have spoken for a vendor."""
        return frozenset(
            subject
            for (spoken_for, subject), has_spoken in self.speakers.items()
            if has_spoken and spoken_for == vendor_id
        )

    def apply(self, events: Sequence[LifecycleEvent], actor: Actor) -> "ReadSetValues":
        """Return this as the actor's events will leave it.

        Raises LookupError for a stream that was not looked at.
        """
        streams = dict(self.streams)
        for event in events:
            stream = stream_of(event)
            before = streams[stream]
            streams[stream] = Versioned(aggregate=evolve(before.aggregate, event), version=before.version + 1)
        return replace(
            self,
            streams=streams,
            account_keys=_count_keys(self.account_keys, events),
            applications=_add_applications(self.applications, events),
            speakers=_add_speaker(self.speakers, events, actor),
        )


def _count_keys(
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


def _add_applications(
    applications: Mapping[str, Applications], events: Sequence[LifecycleEvent]
) -> Mapping[str, Applications]:
    changed = dict(applications)
    for event in events:
        if isinstance(event, VendorApplied | VendorReapplied) and event.applicant in changed:
            made = changed[event.applicant]
            changed[event.applicant] = replace(made, vendor_ids=made.vendor_ids | {event.vendor_id})
    return changed


def _add_speaker(
    speakers: Mapping[Speaker, bool], events: Sequence[LifecycleEvent], actor: Actor
) -> Mapping[Speaker, bool]:
    return {
        (vendor_id, subject): has_spoken
        or (subject == actor.subject and any(speaks_for(vendor_id, event, actor) for event in events))
        for (vendor_id, subject), has_spoken in speakers.items()
    }
