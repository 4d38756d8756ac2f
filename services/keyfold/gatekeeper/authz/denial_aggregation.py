"""Counts requests that prove no key, or a dead one, beyond a rate, so that a flood cannot drown the log.

Public requests prove no key either: they are counted in the same way.
"""

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
from keyfold.gatekeeper.authz.recording import aggregated_event
from keyfold.gatekeeper.authz.request.client_address import reduce_address
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
"""How many sources are kept apart within a second; beyond them, each gateway and reason is one source."""

_UNPROVEN: Final = frozenset(
    {  # not `stale`: without a state nobody can tell who is known
        Reason.MISSING_VENDOR_KEY,
        Reason.MISSING_SUBSCRIBER_KEY,
        Reason.MALFORMED_KEY,
        Reason.UNKNOWN_VENDOR_KEY,
        Reason.UNKNOWN_SUBSCRIBER_KEY,
    }
)
# An owner can do nothing more against somebody who has a secret that is dead already.
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
    """What the requests of a source have in common; `network` is None if they are not kept apart by it.

    `decision` is theirs, without what they ask for; `policy` is the number of the policy that made it.
    """

    gateway: str
    network: str | None
    decision: Decision
    policy: int | None = None


@dataclass(slots=True, eq=False)
class AggregatedDenials:
    """The requests of a source in one second: their event, as for one request, and how many were counted."""

    source: AggregationKey
    second: int
    event: AccessEvent
    slot: int
    requests: int = 0


class DenialAggregation:
    """Decides which requests are counted, and counts them: in place before their answers leave, and as one
    event of the journal once the second is over.

    The first `per_s` of each source are recorded one by one, and so is whatever cannot be counted.
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
        self._pending: list[AggregatedDenials] = []
        self._unreleased: list[int] = []
        self._faulty_second: int | None = None

    def find_count(
        self,
        decision: Decision,
        question: AuthzQuestion,
        at: datetime,
        position: int,
        policy: int | None = None,
    ) -> AggregatedDenials | None:
        """Return the count that a request belongs to, or None for one that is recorded by itself.

        A caller that gets a count must call `write_down` before it answers.
        """
        if not _is_countable(decision):
            return None
        second = int(at.timestamp())
        source = self._source(second, question.gateway.name, question.client_ip, decision)
        source = source._replace(policy=policy)
        self._seen[source] += 1
        # A failing journal must get each request: it says that it fails, and by a request finds that it
        # recovered.
        if self._seen[source] <= self._per_s or self._journal.fault is not None:
            return None
        count = self._counts.get((second, source)) or self._begin(source, second, at, position)
        if count is not None:
            self._pending.append(count)
        return count

    def _source(self, second: int, gateway: str, client_ip: str | None, decision: Decision) -> AggregationKey:
        if second != self._second:
            self._second = second
            self._seen.clear()
        alike = replace(decision, category=None, access=None)
        if decision.key_id is not None or decision.vendor_key_id is not None:
            # There are many networks, and each would add its rows to the log of one account or vendor.
            return AggregationKey(gateway, None, alike)
        network = reduce_address(client_ip, "network") if self._kept == "full" else client_ip
        source = AggregationKey(gateway, network, alike)
        is_kept_apart = source in self._seen or len(self._seen) < SOURCES_MAX
        return source if is_kept_apart else source._replace(network=None)

    def _begin(
        self, source: AggregationKey, second: int, at: datetime, position: int
    ) -> AggregatedDenials | None:
        event = aggregated_event(
            source.decision,
            source.gateway,
            source.network,
            event_id=self._clock.new_event_id(),
            at=at,
            position=position,
            gatekeeper=self._journal.run_id,
            policy=source.policy,
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
        """Write the counts since the last call; tell whether they are recorded, so that answers may leave."""
        if not self._pending:
            return True
        pending, self._pending = self._pending, []
        if self._journal.fault is None:
            try:
                self._add(Counter(pending))
            except OSError as fault:
                self._note_fault(fault)
            else:
                return True
        metrics.JOURNAL_REFUSED.inc(len(pending))
        return False

    def _add(self, pending: Counter[AggregatedDenials]) -> None:
        for count, requests in pending.items():
            self._file.note(count.slot, count.requests + requests)
            count.requests += requests
        if self._sync == "always":
            self._file.sync()

    def _note_fault(self, fault: OSError) -> None:
        if self._faulty_second != self._second:
            log.error("requests_not_counted", error=str(fault))
        self._faulty_second = self._second

    async def watch(self, interval_s: float = 1.0) -> None:
        """Journal the counts of each second when it is over, and sync the others to the disk."""
        while True:
            await asyncio.sleep(interval_s)
            self.journal_finished()
            if self._sync != "off":
                await self._sync_beside()

    async def _sync_beside(self) -> None:
        try:
            await asyncio.to_thread(self._file.sync)
        except OSError as fault:
            log.error("counts_not_synced", error=str(fault))

    def journal_finished(self) -> None:
        """Journal the counts of all seconds but the current one."""
        now = int(self._clock.now().timestamp())
        self._journal_counts([count for count in self._counts.values() if count.second != now])

    def _journal_counts(self, counts: Sequence[AggregatedDenials]) -> None:
        # First into the journal, then out of the file: after a crash in between, a count in both is at the
        # end of the journal, where the shipper looks for it.
        counted = [count for count in counts if count.requests]
        journalled = self._append(counted) if counted and self._journal.fault is None else 0
        for count in counted[:journalled]:
            metrics.COUNTED.labels(count.event.reason or "public").inc(count.requests)
        # A count of 0 was begun for requests that the journal then refused.
        for count in (*counted[:journalled], *(count for count in counts if not count.requests)):
            del self._counts[count.second, count.source]
            self._unreleased.append(count.slot)
        self._release()

    def _append(self, counted: Sequence[AggregatedDenials]) -> int:
        """Return how many of the counts, from the first, are in the journal now."""
        first = self._journal.next_seq
        lines = [
            journal_line(encode_access_event(replace(count.event, seq=seq, requests=count.requests)))
            for seq, count in enumerate(counted, first)
        ]
        self._journal.append(lines)
        # A write that was too slow to count has still put its lines into the journal.
        return self._journal.next_seq - first

    def _release(self) -> None:
        while self._unreleased:
            try:
                self._file.release(self._unreleased[-1])
            except OSError as fault:
                self._note_fault(fault)
                return
            self._unreleased.pop()

    def read_journalled(self) -> Journalled:
        """Return how many decisions are journalled, and the time before which they are all that were made.

        Requests that are still being counted were made before they get their number.
        """
        now = self._clock.now()
        counted = (count.event.at for count in self._counts.values())
        return Journalled(number=self._journal.next_seq - 1, at=min(counted, default=now))

    def close(self) -> None:
        """Journal the counts; the shipper takes those that cannot be journalled from the file."""
        self._journal_counts(list(self._counts.values()))
        with suppress(OSError):
            if self._sync != "off":
                self._file.sync()
        self._file.close()


def _is_countable(decision: Decision) -> bool:
    if decision.is_public:
        return True
    is_nobody = decision.key_id is None and decision.vendor_key_id is None
    return decision.reason in _DEAD or (decision.reason in _UNPROVEN and (is_nobody or decision.is_dead))


@asynccontextmanager
async def open_denial_aggregation(
    settings: GatekeeperSettings, journal: Journal, clock: Clock
) -> AsyncIterator[DenialAggregation]:
    """Yield the aggregation, with its file beside the journal. Raises StopProcess if none can be made."""
    try:
        file = CountedFile.create(settings.journal_dir / journal.run_id)
    except OSError as fault:
        raise StopProcess(f"nothing can be counted in {settings.journal_dir}: {fault}") from fault
    aggregation = DenialAggregation(
        journal,
        file,
        clock,
        per_s=settings.flood_per_s,
        kept=settings.client_ip,
        sync=settings.journal_sync,
    )
    try:
        yield aggregation
    finally:
        aggregation.close()
