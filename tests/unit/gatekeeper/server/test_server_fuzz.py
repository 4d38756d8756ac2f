"""Whatever comes over a connection: no failure, and no allow that a plain model of the rules does not give.

A million times: this file with KEYFOLD_FUZZ_QUESTIONS=1000000 and `--timeout 0`.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from keyfold.gatekeeper.authz.connection import AuthzConnection
from keyfold.gatekeeper.authz.server import AuthzServer
from keyfold.wire.access.codec import decode_access_event
from keyfold.wire.journal.line import read_journal_line
from tests.support.gatekeeper.mutations import mutate
from tests.support.gatekeeper.plain_model import Allowed, find_allowed
from tests.support.gatekeeper.server_over import TICK, Wire, server_over

QUESTIONS: Final = int(os.environ.get("KEYFOLD_FUZZ_QUESTIONS", "20000"))
SEED: Final = int(os.environ.get("KEYFOLD_FUZZ_SEED", "5"))
ANSWER: Final = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)+)\r\n")
DECISION: Final = re.compile(rb"X-Keyfold-Decision: (\S+)")


@dataclass(slots=True)
class Tally:
    """The answers, and the requests that the model would allow."""

    statuses: Counter[int] = field(default_factory=Counter)
    allowable: int = 0


async def ask_all(
    server: AuthzServer, sent: Sequence[bytes], cut: Callable[[bytes], Sequence[bytes]]
) -> list[bytes]:
    """Send each on its own connection, all in one tick, and return the answers."""
    wires = []
    for each in sent:
        wire, connection = Wire(), AuthzConnection(server)
        connection.connection_made(wire)
        for piece in cut(each):
            connection.data_received(piece)
        wires.append((wire, connection))
    await asyncio.sleep(0)
    for _, connection in wires:
        connection.connection_lost(None)
    return [bytes(wire.written) for wire, _ in wires]


def judge(sent: bytes, got: bytes, lines: dict[bytes, bytes], tally: Tally) -> None:
    """Fail where an answer is a failure, or an allow that the model does not give or the journal not hold."""
    verdicts = find_allowed(sent)
    answers = [(int(status), head) for status, head in ANSWER.findall(got)]
    tally.allowable += sum(each is not None for each in verdicts)
    for number, (status, head) in enumerate(answers):
        tally.statuses[status] += 1
        assert status in {200, 400, 401, 403}, (status, sent)
        if status == 200:
            verdict = verdicts[number] if number < len(verdicts) else None
            assert verdict is not None, sent
            found = DECISION.search(head)
            assert found is not None and _recorded(lines[found[1]]) == verdict, sent


def _recorded(line: bytes) -> Allowed:
    event = decode_access_event(read_journal_line(line))
    assert event.reason is None
    return Allowed(event.method, event.path)


async def test_no_allow_that_a_plain_model_does_not_give(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Of many requests that are nearly right none fails the gatekeeper, and those are allowed that the model
    allows, each with its record."""
    random, tally = Random(SEED), Tally()

    def cut(sent: bytes) -> Sequence[bytes]:
        at = random.randrange(len(sent) + 1) if random.random() < 0.2 else len(sent)
        return [piece for piece in (sent[:at], sent[at:]) if piece]

    with server_over(tmp_path) as (heart, server, journal):
        for _ in range(0, QUESTIONS, TICK):
            sent = [mutate(random) for _ in range(TICK)]
            journal.lines.clear()
            got = await ask_all(server, sent, cut)
            lines = {line[22:58]: line for line in journal.lines}
            for each, answer in zip(sent, got, strict=True):
                judge(each, answer, lines, tally)
            heart.journal.measure(0)
    counted = {"questions": QUESTIONS, **{str(key): count for key, count in sorted(tally.statuses.items())}}
    record_property("the fuzz of the authz server", counted)
    assert 0.99 * tally.allowable <= tally.statuses[200] <= tally.allowable
    assert tally.statuses[200] > QUESTIONS / 10
