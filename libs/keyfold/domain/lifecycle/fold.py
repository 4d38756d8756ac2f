"""One fold for every stream: any lifecycle event applied to the aggregate that its stream holds."""

from datetime import datetime

from msgspec import Struct

from keyfold.domain.ids import (
    EventId,
    StreamId,
    account_stream,
    invitation_stream,
    key_stream,
    login_stream,
    vendor_stream,
)
from keyfold.domain.lifecycle import (
    account,
    invitation,
    login,
    signed_head,
    subscriber_key,
    vendor,
    vendor_key,
)
from keyfold.domain.lifecycle.account import Account, AccountEvent
from keyfold.domain.lifecycle.invitation import Invitation, InvitationEvent
from keyfold.domain.lifecycle.login import Login, LoginEvent
from keyfold.domain.lifecycle.signed_head import LEDGER_STREAM, LedgerCheckpoint, LedgerCheckpointed
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
)
Aggregate = Account | Vendor | VendorKey | SubscriberKey | Login | Invitation | LedgerCheckpoint


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
    if isinstance(event, SubscriberKeyEvent | VendorKeyEvent):
        return key_stream(event.key_id)
    if isinstance(event, VendorEvent):
        return vendor_stream(event.vendor_id)
    if isinstance(event, LoginEvent):
        return login_stream(event.login_id)
    if isinstance(event, InvitationEvent):
        return invitation_stream(event.invitation_id)
    if isinstance(event, LedgerCheckpointed):
        return LEDGER_STREAM
    return account_stream(event.account_id)


def evolve(aggregate: Aggregate | None, event: LifecycleEvent) -> Aggregate:
    """Return the aggregate after the event. Raises ImpossibleEvent for one that cannot follow."""
    if isinstance(event, SubscriberKeyEvent) and isinstance(aggregate, SubscriberKey | None):
        return subscriber_key.evolve(aggregate, event)
    if isinstance(event, VendorKeyEvent) and isinstance(aggregate, VendorKey | None):
        return vendor_key.evolve(aggregate, event)
    if isinstance(event, VendorEvent) and isinstance(aggregate, Vendor | None):
        return vendor.evolve(aggregate, event)
    if isinstance(event, AccountEvent) and isinstance(aggregate, Account | None):
        return account.evolve(aggregate, event)
    if isinstance(event, LoginEvent) and isinstance(aggregate, Login | None):
        return login.evolve(aggregate, event)
    if isinstance(event, InvitationEvent) and isinstance(aggregate, Invitation | None):
        return invitation.evolve(aggregate, event)
    if isinstance(event, LedgerCheckpointed) and isinstance(aggregate, LedgerCheckpoint | None):
        return signed_head.evolve(aggregate, event)
    raise ImpossibleEvent(event, aggregate)
