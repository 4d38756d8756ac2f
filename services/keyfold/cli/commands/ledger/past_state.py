"""The state of everything as it was: the ledger folded up to a position or a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from keyfold.cli.times import instant
from keyfold.client.failure import CommandFailed
from keyfold.domain.lifecycle.state import State
from keyfold.store.ledger.scan import LedgerScan, open_scan
from keyfold.wire.events.chain import Fields
from keyfold.wire.events.codec import decode_event
from keyfold.wire.timestamp import format_time, parse_time

POSITION: Final = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """Up to and with which event: the one at a position, or the last one of a time."""

    position: int | None = None
    at: datetime | None = None

    def is_beyond(self, position: int, recorded_at: str) -> bool:
        """Tell whether an event came later. Times as text are in the order of times."""
        if self.at is not None:
            return recorded_at > format_time(self.at)
        return self.position is not None and position > self.position


@dataclass(frozen=True, slots=True, kw_only=True)
class PastState:
    """Everything as it was at an instant, after the event at a position; 0 before the first."""

    position: int
    at: datetime
    state: State


def read_until(text: str, now: datetime) -> Until:
    """Read ``1234``, or a time. Raises WrongUsage."""
    if POSITION.fullmatch(text):
        return Until(position=int(text))
    return Until(at=instant(text, "--at", now))


async def fold(dsn: str, until: Until) -> PastState:
    """Fold the ledger. Raises DatabaseAway, UnknownEvent, ImpossibleEvent, or CommandFailed past its end."""
    async with open_scan(dsn) as scan:
        folded = await _folded(scan, until)
    if until.position is not None and folded.position < until.position:
        raise CommandFailed(f"The ledger ends at position {folded.position}.")
    return folded


async def _folded(scan: LedgerScan, until: Until) -> PastState:
    state, position, recorded_at = State(), 0, None
    async for page in scan.pages():
        wanted = _up_to(page, until)
        for fields in wanted:
            state.fold(decode_event(fields[4], fields[5], fields[6]))
        if wanted:
            position, recorded_at = wanted[-1][0], wanted[-1][10]
        if len(wanted) < len(page):
            break
    at = until.at or (datetime.min.replace(tzinfo=UTC) if recorded_at is None else parse_time(recorded_at))
    return PastState(position=position, at=at, state=state)


def _up_to(page: Sequence[tuple[Fields, bytes]], until: Until) -> list[Fields]:
    return [fields for fields, _ in page if not until.is_beyond(fields[0], fields[10])]
