"""The replica: the ledger's state in this process's memory, and how much of the ledger it holds."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from libs.domain.lifecycle import RecordedEvent
from libs.domain.refusal import ImpossibleEvent
from libs.domain.state import State
from libs.store.errors import UnfoldableEvent


@dataclass(slots=True, kw_only=True)
class Replica:
    """Everything up to `position`; `state` is None until some was loaded, `applied_at` is the wall clock.

    `advanced` is set when the position has moved; whoever listens clears it.
    """

    state: State | None = None
    position: int = 0
    applied_at: datetime | None = None
    advanced: asyncio.Event = field(default_factory=asyncio.Event)

    def load(self, state: State, position: int, now: datetime) -> None:
        """Start from a snapshot."""
        self.state, self.position, self.applied_at = state, position, now
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
            self.position = recorded.position
            self.advanced.set()
        self.applied_at = now
