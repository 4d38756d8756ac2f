"""The past state of everything: the ledger, folded up to a position or a time."""

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
    """The last event to include: the one at a position, or the last one up to a time."""

    position: int | None = None
    at: datetime | None = None

    def is_beyond(self, position: int, recorded_at: str) -> bool:
        """Tell whether an event came later. Times as text sort as times."""
        if self.at is not None:
            return recorded_at > format_time(self.at)
        return self.position is not None and position > self.position


@dataclass(frozen=True, slots=True, kw_only=True)
class PastState:
    """Everything as it was at a time, after the event at `position`, which is 0 before the first."""

    position: int
    at: datetime
    state: State


def read_until(text: str, now: datetime) -> Until:
    """Read a position such as ``1234``, or a time. Raises WrongUsage."""
    if POSITION.fullmatch(text):
        return Until(position=int(text))
    return Until(at=instant(text, "--at", now))


async def fold(dsn: str, until: Until) -> PastState:
    """Fold the ledger up to there. Raises DatabaseAway, UnknownEvent, ImpossibleEvent or CommandFailed."""
    async with open_scan(dsn) as scan:
        folded = await _fold_pages(scan, until)
    if until.position is not None and folded.position < until.position:
        raise CommandFailed(f"The ledger ends at position {folded.position}.")
    return folded


async def _fold_pages(scan: LedgerScan, until: Until) -> PastState:
    state, position, recorded_at = State(), 0, None
    async for page in scan.pages():
        wanted = _take_until(page, until)
        for fields in wanted:
            state.fold(decode_event(fields[4], fields[5], fields[6]))
        if wanted:
            position, recorded_at = wanted[-1][0], wanted[-1][10]
        if len(wanted) < len(page):
            break
    at = until.at or (datetime.min.replace(tzinfo=UTC) if recorded_at is None else parse_time(recorded_at))
    return PastState(position=position, at=at, state=state)


def _take_until(page: Sequence[tuple[Fields, bytes, bytes | None]], until: Until) -> list[Fields]:
    return [fields for fields, *_ in page if not until.is_beyond(fields[0], fields[10])]
