"""One fold for every stream: any lifecycle event applied to the aggregate that its stream holds."""

from datetime import datetime
from typing import cast

from msgspec import Struct

from keyfold.domain.ids import EventId, StreamId
from keyfold.domain.lifecycle.account import Account, AccountEvent
from keyfold.domain.lifecycle.aggregates import KIND_OF_EVENT
from keyfold.domain.lifecycle.identity.invitation import Invitation, InvitationEvent
from keyfold.domain.lifecycle.identity.login import Login, LoginEvent
from keyfold.domain.lifecycle.signatures.seal_key import SealKey, SealKeyAdopted
from keyfold.domain.lifecycle.signatures.signed_head import LedgerCheckpoint, LedgerCheckpointed
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey, SubscriberKeyEvent
from keyfold.domain.lifecycle.vendor import Vendor, VendorEvent
from keyfold.domain.lifecycle.vendor_key import VendorKey, VendorKeyEvent
from keyfold.domain.refusal import ImpossibleEvent

LifecycleEvent = (
    AccountEvent
    | VendorEvent
    | VendorKeyEvent
    | SubscriberKeyEvent
    | LoginEvent
    | InvitationEvent
    | LedgerCheckpointed
    | SealKeyAdopted
)
Aggregate = Account | Vendor | VendorKey | SubscriberKey | Login | Invitation | LedgerCheckpoint | SealKey


class Actor(Struct, frozen=True, kw_only=True, gc=False):
    """Who did it, written into each event: a role of the API, `login` for none, and the token's subject."""

    role: str
    subject: str

    def __str__(self) -> str:
        return f"{self.role}:{self.subject}"


class RecordedEvent(Struct, frozen=True, kw_only=True, gc=False):
    """An event as the ledger holds it: the fact, its place in the order, and who did it when.

    `position` is global, gapless and starts at 1; `version` counts within the stream from 1.
    `hash` is 32 bytes and chains this row to the one before.
    """

    position: int
    stream: StreamId
    version: int
    event_id: EventId
    event: LifecycleEvent
    actor: Actor
    request_id: str
    recorded_at: datetime
    hash: bytes


def stream_of(event: LifecycleEvent) -> StreamId:
    """Return the stream that an event belongs to."""
    return KIND_OF_EVENT[type(event)].stream(event)


def evolve(aggregate: Aggregate | None, event: LifecycleEvent) -> Aggregate:
    """Return the aggregate after the event. Raises ImpossibleEvent for one that cannot follow."""
    kind = KIND_OF_EVENT[type(event)]
    if aggregate is not None and not isinstance(aggregate, kind.states):
        raise ImpossibleEvent(event, aggregate)
    return cast("Aggregate", kind.evolve(aggregate, event))
