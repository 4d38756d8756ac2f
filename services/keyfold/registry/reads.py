"""What the registry shows: folded from the ledger's own events, whatever the read model says of it.

The read model says which keys and vendors there are. A list waits for it to reach the ledger's head, so that
it has what was just written.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from pydantic import BaseModel, Field

from keyfold.domain.ids import KeyId, StreamId
from keyfold.domain.lifecycle.aggregates import AggregateKind
from keyfold.domain.lifecycle.fold import Aggregate
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.registry.commands import answers
from keyfold.runtime.auth.caller import Caller, Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import Answer, PageQuery, Reply, cut, encode_cursor
from keyfold.store.access_log.activity import LastUse, read_last_used
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.read_set import ReadSet
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import StoreFailure
from keyfold.store.read_model.reader import ListedId, ReadModel

READ_YOUR_WRITES_TIMEOUT_S = 2.0

A = TypeVar("A", bound=Aggregate)

log = structlog.get_logger(__name__)


class ListCursor(BaseModel):
    """Where the next page of a list starts: below the position at which its items began."""

    before: int = Field(ge=1, lt=2**63)


@dataclass(frozen=True, slots=True)
class Folded(Generic[A]):
    """What a stream of the ledger folds into, and the stream's version."""

    aggregate: A
    version: int


class Reads:
    """The ledger's streams and the read model, as callers of the registry may rely on them."""

    def __init__(self, pool: Pool, ledger: Ledger, model: ReadModel, clock: Clock) -> None:
        self._pool = pool
        self._ledger = ledger
        self._model = model
        self._clock = clock

    async def find(self, kind: AggregateKind[A], stream: StreamId) -> Folded[A] | None:
        """Return what a stream folds into; None where it is empty, or another kind of thing's."""
        found = await self.find_all(kind, [stream])
        return found[0] if found else None

    async def find_all(self, kind: AggregateKind[A], streams: Sequence[StreamId]) -> list[Folded[A]]:
        """Return what streams fold into, in their order, without what is of no such kind."""
        if not streams:
            return []
        values = await self._ledger.look(ReadSet(streams=frozenset(streams)), self._clock.now())
        all_of_them = (values.streams[stream] for stream in streams)
        return [
            Folded(aggregate, each.version)
            for each in all_of_them
            if (aggregate := kind.narrow(each.aggregate)) is not None
        ]

    async def catch_up(self) -> ReadModel:
        """Return the read model once it has reached the ledger's present head, or after 2 s as it is then."""
        head = await self._ledger.head()
        await self._model.caught_up(head.position, READ_YOUR_WRITES_TIMEOUT_S)
        return self._model

    async def read_last_uses(self, key_ids: Collection[KeyId]) -> Mapping[KeyId, LastUse]:
        """Return when each of the keys was last used."""
        return await read_last_used(self._pool, key_ids)

    async def add_last_use(self, reply: Reply, key_id: KeyId) -> Reply:
        """Return what a command on a key answers, with the key's last use.

        It is read after the command, which must not wait for it, nor look undone where it cannot be read.
        """
        if not isinstance(reply, Answer):
            return reply
        try:
            found = await self.read_last_uses([key_id])
        except StoreFailure as failure:
            log.warning("last_use_unknown", key_id=key_id, reason=str(failure))
            return reply
        return answers.add_last_use(reply, found[key_id])


def is_hidden(vendor: Vendor | None, caller: Caller) -> bool:
    """Tell whether a vendor does not exist for a caller: for an applicant, those that others applied for."""
    return vendor is None or (is_applicant(caller) and vendor.applicant != caller.sub)


def is_applicant(caller: Caller) -> bool:
    """Tell whether a caller is a vendor whose token names none yet."""
    return caller.role is Role.VENDOR and caller.vendor_id is None


def read_before(query: PageQuery) -> int | None:
    """Return the position below which the page that is asked for starts; None for the first page."""
    after = query.after(ListCursor)
    return None if after is None else after.before


def cut_list(found: Sequence[ListedId], query: PageQuery) -> tuple[Sequence[ListedId], str | None]:
    """Return the page, and the cursor of the next if more than its limit were found."""
    return cut(found, query, lambda last: encode_cursor(ListCursor(before=last.created_position)))
