"""A flood over the real authz server: a few events that count exactly the answered requests."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from keyfold.domain.access.event import AccessEvent
from keyfold.local.process.ports import HOST
from keyfold.shipper.run_journal import RunJournal
from keyfold.wire.access.codec import decode_access_event
from tests.support.eventually import eventually
from tests.support.gatekeeper.practice import BOTH, practice
from tests.support.gatekeeper.world import CADDY_TOKEN, Gatekeeper, World

FLOOD = 50_000
CONNECTIONS = 8
PIPELINED = 100
KNOWN_EACH = 997  # a question with keys that work among so many that have none
PER_S = 7
# An answer that is here to the end of its head. A malformed key's has a body, and an allow's has none.
ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) (?:.+\r\n)*?X-Keyfold-Decision: (\S+)\r\n(?:.+\r\n)*?\r\n")


def question(keys: dict[str, str]) -> bytes:
    """Return a question as Caddy asks it."""
    fields = {
        "Host": HOST,
        "X-Gateway-Token": CADDY_TOKEN,
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Uri": "/v1/patient/7",
        "X-Forwarded-For": "198.51.100.7",
        **keys,
    }
    return b"GET /authz HTTP/1.1\r\n%b\r\n" % b"".join(
        f"{name}: {value}\r\n".encode() for name, value in fields.items()
    )


MALFORMED, KNOWN = question(dict.fromkeys(BOTH, "no key")), question(BOTH)


@dataclass(slots=True)
class Attacker:
    """Connections that repeat one question, and the answers they got."""

    port: int
    asked: int = 0
    answers: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def attack(self, requests: int) -> None:
        """Ask `times` times over all connections, or until they are cut."""
        each = requests // CONNECTIONS
        await asyncio.gather(*(self._connection(each) for _ in range(CONNECTIONS)))

    async def _connection(self, requests: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        received = b""
        try:
            for first in range(0, requests, PIPELINED):
                batch = range(first, min(requests, first + PIPELINED))
                writer.write(b"".join(MALFORMED if number % KNOWN_EACH else KNOWN for number in batch))
                self.asked += len(batch)
                while self._missing(received, len(batch)) and (more := await reader.read(1 << 20)):
                    received += more
                self.answers += ANSWER.findall(received)
                received = b""
        except ConnectionError:
            self.answers += ANSWER.findall(received)
        finally:
            writer.close()

    def _missing(self, received: bytes, wanted: int) -> bool:
        return received.count(b"HTTP/1.1 ") < wanted or len(ANSWER.findall(received)) < wanted

    @property
    def decisions(self) -> Counter[str]:
        """How often each event was named in an answer."""
        return Counter(name.decode() for _, name in self.answers)


def read_shipped(directory: Path) -> Sequence[AccessEvent]:
    """Return every event that a shipper finds of the one run, which has ended."""
    (run,) = (each for each in directory.iterdir() if each.is_dir())
    journal = RunJournal(run)
    events: list[AccessEvent] = []
    while True:
        portion = journal.read(1 << 20)
        shipped = [record.value or b"" for record in portion.records]
        # A run's records of itself say their type.
        events += [decode_access_event(each) for each in shipped if "type" not in json.loads(each)]
        journal.acknowledge(portion)
        if portion.is_last:
            return events


async def test_a_flood_is_recorded_exactly_also_by_one_that_is_killed(world: World) -> None:
    """Every answer is in the event that it names. Nothing else is but what was under way at the kill, and
    there are few events; requests with known keys are an event each throughout."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper(FLOOD_PER_S=str(PER_S), PATHS="template") as gatekeeper:
        attacker = Attacker(port=gatekeeper.authz_port)
        await attacker.attack(FLOOD)
        assert len(attacker.answers) == attacker.asked == FLOOD
        assert sum(event.requests for event in gatekeeper.journal()) <= FLOOD
        await eventually(lambda: all_journalled(gatekeeper))
        counted = [event for event in gatekeeper.journal() if event.path == "/**" and event.method == "*"]
        assert await counted_requests(gatekeeper) == sum(event.requests for event in counted)

        attack = asyncio.create_task(attacker.attack(FLOOD))
        await eventually(lambda: has_asked(attacker, FLOOD + 10 * PIPELINED * CONNECTIONS))
        await gatekeeper.child.kill()
        await attack
        events = read_shipped(Path(gatekeeper.environment["KEYFOLD_JOURNAL_DIR"]))

    recorded = Counter({str(event.event_id): event.requests for event in events})
    assert len(recorded) == len(events)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert not attacker.decisions - recorded
    assert (recorded - attacker.decisions).total() <= attacker.asked - len(attacker.answers)
    known = [event for event in events if event.key_id is not None]
    assert {(event.requests, event.path) for event in known} == {(1, "/v1/patient/**")}
    seconds = {event.at.replace(microsecond=0) for event in events}
    assert len(events) - len(known) <= len(seconds) * (PER_S + 1)


async def all_journalled(gatekeeper: Gatekeeper) -> bool:
    """Tell whether the journal has the whole flood."""
    return sum(event.requests for event in gatekeeper.journal()) == FLOOD


async def counted_requests(gatekeeper: Gatekeeper) -> float:
    """Return how many requests the process says that it has counted."""
    async with gatekeeper.session.get(f"{gatekeeper.url}/metrics") as response:
        found = re.search(r"^keyfold_counted_requests_total\{.+\} (.+)$", await response.text(), re.MULTILINE)
    assert found is not None
    return float(found[1])


async def has_asked(attacker: Attacker, times: int) -> bool:
    """Tell whether the attacker has asked so often."""
    return attacker.asked >= times
