"""Events to append, and a ledger to append them to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime

from keyfold.domain.ids import AccountId, EventId, StreamId
from keyfold.domain.lifecycle.account import AccountCreated, IntegrationsDisabled, IntegrationsEnabled
from keyfold.domain.lifecycle.fold import Actor, LifecycleEvent, stream_of
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.ledger.append import EventDraft, Ledger
from keyfold.store.ledger.read_set import ReadSet, Versioned
from keyfold.store.postgres.connection import open_pool
from tests.support.seals import ledger_on

OPERATOR = Actor(role="operator", subject="olivia")
ACCOUNT = AccountId("acc_000000000001")
CREATED = AccountCreated(account_id=ACCOUNT, name="Bäckerei „Zahn“ \U0001f9b7")
ENABLED = IntegrationsEnabled(account_id=ACCOUNT)
DISABLED = IntegrationsDisabled(account_id=ACCOUNT)


def draft(event: LifecycleEvent, *, traceparent: str | None = None) -> EventDraft:
    """Return the event as an operator's request would record it."""
    return EventDraft(
        stream=stream_of(event),
        event_id=EventId(SYSTEM_CLOCK.new_event_id()),
        event=event,
        actor=OPERATOR,
        request_id="request-1",
        traceparent=traceparent,
    )


async def append_new(ledger: Ledger, events: Iterable[LifecycleEvent]) -> None:
    """Append the first events of streams that are new."""
    drafts = [draft(event) for event in events]
    await ledger.append(drafts, {each.stream: 0 for each in drafts}, now())


def created(number: int) -> AccountCreated:
    """Return the event that opens an account of its own."""
    return AccountCreated(account_id=AccountId(f"acc_{number:012}"), name=f"Practice {number}")


def now() -> datetime:
    """Return the present time."""
    return SYSTEM_CLOCK.now()


async def load_stream(ledger: Ledger, stream: StreamId) -> Versioned:
    """Return one stream as its events fold."""
    return (await ledger.look(ReadSet(streams=frozenset((stream,))), now())).streams[stream]


@asynccontextmanager
async def open_ledger(database: str, *, size_max: int = 10) -> AsyncIterator[Ledger]:
    """Yield the ledger of a database."""
    async with open_pool(database, application_name="test", size_max=size_max) as pool:
        yield ledger_on(pool)
