"""The replica: the ledger's state in this process's memory, and up to which position."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from keyfold.domain.lifecycle.fold import RecordedEvent
from keyfold.domain.lifecycle.state import State
from keyfold.domain.refusal import ImpossibleEvent
from keyfold.store.postgres.errors import UnfoldableEvent
from keyfold.store.read_model.snapshots import LoadProgress
from keyfold.wire.events.chain import GENESIS


@dataclass(slots=True, kw_only=True)
class Replica:
    """The state at `position`; `state` is None until one is loaded, `applied_at` is by the wall clock.

    `loading` is how far the load has come, None before it begins. `altered` is what is wrong with the read
    model if it cannot be believed. `sealed` is the hash at the position.
    `stuck` is why no event can be applied any more, None while they can be.
    `advanced` is set when the position moves; its listener clears it.
    """

    state: State | None = None
    loading: LoadProgress | None = None
    altered: str | None = None
    position: int = 0
    sealed: bytes = GENESIS.hash
    applied_at: datetime | None = None
    stuck: str | None = None
    advanced: asyncio.Event = field(default_factory=asyncio.Event)

    def note_progress(self, loaded: LoadProgress) -> None:
        """Note how far the load has come."""
        self.loading = loaded

    def load(self, state: State, position: int, now: datetime, *, sealed: bytes = GENESIS.hash) -> None:
        """Start from a snapshot."""
        self.state, self.position, self.sealed, self.applied_at = state, position, sealed, now
        self.advanced.set()

    def fold(self, events: Sequence[RecordedEvent], now: datetime) -> None:
        """Apply the events that come next. Raises UnfoldableEvent."""
        if self.state is None:
            raise LookupError("there is no state to apply events to")
        for recorded in events:
            try:
                self.state.fold(recorded.event)
            except ImpossibleEvent as impossible:
                raise UnfoldableEvent(recorded.position, impossible) from impossible
            self.position, self.sealed = recorded.position, recorded.hash
            self.advanced.set()
        self.applied_at = now
