"""Floods: requests that prove no key, or a dead one, are counted past a rate, lest they drown the log."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import structlog
from msgspec.structs import replace

from keyfold.domain.access.decision import Decision, Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.authz.recording import event_of_many
from keyfold.gatekeeper.authz.request.client_address import kept_of
from keyfold.gatekeeper.authz.request.question import AuthzQuestion
from keyfold.gatekeeper.journal.counted_file import CountedFile
from keyfold.gatekeeper.journal.writer import Journal
from keyfold.gatekeeper.settings import ClientIpKept, GatekeeperSettings, JournalSync
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import StopProcess
from keyfold.store.enforcement.leases import Journalled
from keyfold.wire.access.codec import encode_access_event
from keyfold.wire.journal.line import journal_line

SOURCES_MAX: Final = 512
"""How many sources are told apart within a second; of each gateway and reason, the others are one."""

_UNPROVEN: Final = frozenset(
    {  # not `stale`: of a state that is not loaded nobody can tell who is known
        Reason.MISSING_VENDOR_KEY,
        Reason.MISSING_SUBSCRIBER_KEY,
        Reason.MALFORMED_KEY,
        Reason.UNKNOWN_VENDOR_KEY,
        Reason.UNKNOWN_SUBSCRIBER_KEY,
    }
)
# Nothing that its owner can do stops somebody who has a secret that is dead already.
_DEAD: Final = frozenset(
    {
        Reason.VENDOR_KEY_REPLACED,
        Reason.SUBSCRIBER_KEY_REPLACED,
        Reason.VENDOR_KEY_REVOKED,
        Reason.SUBSCRIBER_KEY_REVOKED,
    }
)

log = structlog.get_logger(__name__)


class AggregationKey(NamedTuple):
    """What the requests of a flood have in common; `network` is None for those not told apart by it.

    `denied` is their decision, but for what they ask for.
    """

    gateway: str
    network: str | None
    denied: Decision


@dataclass(slots=True, eq=False)
class AggregatedDenials:
    """A second's requests of a source: their event, as of one request, and how many have been counted."""

    source: AggregationKey
    second: int
    event: AccessEvent
    slot: int
    requests: int = 0


class DenialAggregation:
    """Tells which requests are counted, and counts them: in place before their answers leave, and as an event
    of the journal once the second is over.

    `per_s` of each source are recorded one by one. So is whatever cannot be counted.
    """

    def __init__(
        self,
        journal: Journal,
        file: CountedFile,
        clock: Clock,
        *,
        per_s: int,
        kept: ClientIpKept = "full",
        sync: JournalSync = "off",
    ) -> None:
        self._journal = journal
        self._file = file
        self._clock = clock
        self._per_s = per_s
        self._kept = kept
        self._sync = sync
        self._second = 0
        self._seen: Counter[AggregationKey] = Counter()
        self._counts: dict[tuple[int, AggregationKey], AggregatedDenials] = {}
        self._asked: list[AggregatedDenials] = []
        self._unreleased: list[int] = []
        self._faulty_second: int | None = None

    def count_of(
        self, decision: Decision, question: AuthzQuestion, at: datetime, position: int
    ) -> AggregatedDenials | None:
        """Return what a request is to be counted in, or None for one that is recorded by itself.

        Whoever is given a count asks `write_down` before it answers.
        """
        if not _is_countable(decision):
            return None
        second = int(at.timestamp())
        source = self._source(second, question.gateway.name, question.client_ip, decision)
        self._seen[source] += 1
        # A journal that takes nothing says so itself, and finds out by what it is given when it does again.
        if self._seen[source] <= self._per_s or self._journal.fault is not None:
            return None
        count = self._counts.get((second, source)) or self._begun(source, second, at, position)
        if count is not None:
            self._asked.append(count)
        return count

    def _source(self, second: int, gateway: str, client_ip: str | None, decision: Decision) -> AggregationKey:
        if second != self._second:
            self._second = second
            self._seen.clear()
        denied = replace(decision, category=None, access=None)
        if decision.key_id is not None or decision.vendor_key_id is not None:
            # Networks are many, and each would have its share of the log of one account or vendor.
            return AggregationKey(gateway, None, denied)
        network = kept_of(client_ip, "network") if self._kept == "full" else client_ip
        source = AggregationKey(gateway, network, denied)
        is_told_apart = source in self._seen or len(self._seen) < SOURCES_MAX
        return source if is_told_apart else source._replace(network=None)

    def _begun(
        self, source: AggregationKey, second: int, at: datetime, position: int
    ) -> AggregatedDenials | None:
        event = event_of_many(
            source.denied,
            source.gateway,
            source.network,
            event_id=self._clock.new_event_id(),
            at=at,
            position=position,
            gatekeeper=self._journal.run_id,
        )
        try:
            slot = self._file.begin(event)
        except OSError as fault:
            self._note_fault(fault)
            return None
        if slot is None:
            return None
        count = self._counts[second, source] = AggregatedDenials(source, second, event, slot)
        return count

    def write_down(self) -> bool:
        """Count what was asked since the last time; tell whether that is recorded, and answers may leave."""
        if not self._asked:
            return True
        asked, self._asked = self._asked, []
        if self._journal.fault is None:
            try:
                self._add(Counter(asked))
            except OSError as fault:
                self._note_fault(fault)
            else:
                return True
        metrics.JOURNAL_REFUSED.inc(len(asked))
        return False

    def _add(self, asked: Counter[AggregatedDenials]) -> None:
        for count, requests in asked.items():
            self._file.note(count.slot, count.requests + requests)
            count.requests += requests
        if self._sync == "always":
            self._file.sync()

    def _note_fault(self, fault: OSError) -> None:
        if self._faulty_second != self._second:
            log.error("requests_not_counted", error=str(fault))
        self._faulty_second = self._second

    async def watch(self, interval_s: float = 1.0) -> None:
        """Journal each second's counts when it is over, and see that the disk has the others."""
        while True:
            await asyncio.sleep(interval_s)
            self.journal_ended()
            if self._sync != "off":
                await self._sync_beside()

    async def _sync_beside(self) -> None:
        try:
            await asyncio.to_thread(self._file.sync)
        except OSError as fault:
            log.error("counts_not_synced", error=str(fault))

    def journal_ended(self) -> None:
        """Journal the counts of all seconds but the one that is running."""
        now = int(self._clock.now().timestamp())
        self._journal_counts([count for count in self._counts.values() if count.second != now])

    def _journal_counts(self, counts: Sequence[AggregatedDenials]) -> None:
        # First into the journal, then out of the file: what a death in between leaves in both is the end of
        # the journal, where the shipper looks for it.
        counted = [count for count in counts if count.requests]
        journalled = self._journalled(counted) if counted and self._journal.fault is None else 0
        for count in counted[:journalled]:
            metrics.COUNTED.labels(count.event.reason).inc(count.requests)
        # One that counts none was begun for requests that the journal then refused.
        for count in (*counted[:journalled], *(count for count in counts if not count.requests)):
            del self._counts[count.second, count.source]
            self._unreleased.append(count.slot)
        self._release()

    def _journalled(self, counted: Sequence[AggregatedDenials]) -> int:
        """Return how many of the counts, from the first, are in the journal now."""
        first = self._journal.next_seq
        lines = [
            journal_line(encode_access_event(replace(count.event, seq=seq, requests=count.requests)))
            for seq, count in enumerate(counted, first)
        ]
        self._journal.append(lines)
        # A write that was too slow to count was a write all the same.
        return self._journal.next_seq - first

    def _release(self) -> None:
        while self._unreleased:
            try:
                self._file.release(self._unreleased[-1])
            except OSError as fault:
                self._note_fault(fault)
                return
            self._unreleased.pop()

    def journalled(self) -> Journalled:
        """Return how many decisions are journalled, and of before when those are all that were made.

        What is counted yet has a time from before it gets its number.
        """
        now = self._clock.now()
        counted = (count.event.at for count in self._counts.values())
        return Journalled(number=self._journal.next_seq - 1, at=min(counted, default=now))

    def close(self) -> None:
        """Journal what there is; what cannot be is left for the shipper."""
        self._journal_counts(list(self._counts.values()))
        with suppress(OSError):
            if self._sync != "off":
                self._file.sync()
        self._file.close()


def _is_countable(decision: Decision) -> bool:
    is_nobody = decision.key_id is None and decision.vendor_key_id is None
    return decision.reason in _DEAD or (decision.reason in _UNPROVEN and (is_nobody or decision.is_dead))


@asynccontextmanager
async def open_floods(
    settings: GatekeeperSettings, journal: Journal, clock: Clock
) -> AsyncIterator[DenialAggregation]:
    """Yield what counts floods, beside the journal. Raises StopProcess where nothing can be written there."""
    try:
        file = CountedFile.create(settings.journal_dir / journal.run_id)
    except OSError as fault:
        raise StopProcess(f"nothing can be counted in {settings.journal_dir}: {fault}") from fault
    floods = DenialAggregation(
        journal,
        file,
        clock,
        per_s=settings.flood_per_s,
        kept=settings.client_ip,
        sync=settings.journal_sync,
    )
    try:
        yield floods
    finally:
        floods.close()
