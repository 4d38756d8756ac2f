"""The hash chain: no row is edited, left out, repeated or moved without a reader knowing."""

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from msgspec.structs import asdict, fields, replace

from keyfold.domain.ids import AccountId, EventId, StreamId
from keyfold.domain.lifecycle.account import AccountCreated
from keyfold.domain.lifecycle.fold import Actor, RecordedEvent
from keyfold.wire.events.chain import GENESIS, ChainedRow, Head, Row, hash_row, understand
from keyfold.wire.events.codec import UnknownEvent
from keyfold.wire.events.upcasting import SCHEMA_VERSION
from keyfold.wire.proof.sealed_chain import Forged, SealedChain
from tests.support.seals import TRUSTED, seal_all
from tests.support.wire.given import ledger, row_at

ROWS = ledger(4)
SEALED = seal_all(ROWS)


def follow_all(links: Iterable[ChainedRow], head: Head = GENESIS) -> SealedChain[int]:
    """Take the rows, passing over what is forged, and return the chain as it is then."""
    chain = SealedChain[int](head, TRUSTED)
    for link in links:
        with suppress(Forged):
            chain.take(link, link.row.position)
    return chain


def head_of(links: Iterable[ChainedRow]) -> int:
    """Return how far the rows are believed."""
    return follow_all(links).head.position


def test_a_whole_ledger_is_followed_to_its_head() -> None:
    """From genesis to the last row."""
    assert follow_all(SEALED).head == SEALED[-1].head == Head(position=4, hash=ROWS[-1][1])


def test_the_hash_of_a_row_never_changes() -> None:
    """Ledgers written yesterday verify tomorrow: the canonical bytes are fixed for ever."""
    assert Head(position=0, hash=bytes(32)) == GENESIS
    assert hash_row(bytes(32), row_at(1)).hex() == (
        "a8df830d76820151fa8dd1b04cd155d8bd8e398c891c1b8f975148781bde1b4e"
    )


def test_a_hash_can_be_computed_by_anybody() -> None:
    """SHA-256 of the previous hash and a JSON array of the row's fields, with any JSON library."""
    for (row, row_hash), previous in zip(ROWS, [bytes(32), *(known for _, known in ROWS)], strict=False):
        text = json.dumps(list(asdict(row).values()), ensure_ascii=False, separators=(",", ":"))
        assert sha256(previous + text.encode()).digest() == row_hash


@pytest.mark.parametrize("field", [field.name for field in fields(Row)])
@pytest.mark.parametrize("index", range(3))
def test_an_edit_of_any_field_of_any_row_is_found(field: str, index: int) -> None:
    """A changed row is not believed, and nothing after it, until the true one comes."""
    row = ROWS[index][0]
    value = getattr(row, field)
    for edit in (value + 1,) if isinstance(value, int) else (value + "x", value[:-1], ""):
        edits: dict[str, Any] = {field: edit}
        edited = SEALED[index]._replace(row=replace(row, **edits))
        rows = [*SEALED[:index], edited, *SEALED[index + 1 :]]
        assert head_of(rows) == index
        assert head_of([*rows, *SEALED]) == 4


def test_no_trace_is_told_from_an_empty_one() -> None:
    """Absence is a value of its own under the hash."""
    hashes = {hash_row(bytes(32), replace(row_at(1), traceparent=trace)) for trace in (None, "", "null")}
    assert len(hashes) == 3


def test_neighbouring_fields_do_not_run_together() -> None:
    """A character moved from the end of one field to the start of the next changes the hash."""
    row = row_at(1)
    moved = replace(row, actor_role=row.actor_role[:-1], actor_subject=row.actor_role[-1] + row.actor_subject)
    assert hash_row(bytes(32), moved) != hash_row(bytes(32), row)


def test_a_rewritten_row_with_a_hash_of_its_own_is_not_believed() -> None:
    """Whoever hashes an edited row anew, and all after it, has no seal for them."""
    row = replace(ROWS[1][0], actor_subject="mallory")
    forged = ChainedRow(row, hash_row(ROWS[0][1], row), SEALED[1].seal)
    after = ChainedRow(ROWS[2][0], hash_row(forged.hash, ROWS[2][0]), SEALED[2].seal)
    assert head_of([SEALED[0], forged, after]) == 1
    assert head_of([SEALED[0], forged, after, *SEALED[1:]]) == 4


def test_a_gap_is_found_and_counted() -> None:
    """A missing row holds up all after it, and it is said how many are missing until they come."""
    chain = follow_all([SEALED[0], SEALED[3]])
    assert (chain.head.position, str(chain.gap)) == (1, "position 4 follows 1: 2 events are missing")
    assert follow_all([SEALED[0], SEALED[3], *SEALED]).gap is None


def test_a_repeat_is_dropped() -> None:
    """What was taken already is not taken again, from whichever position the repeat starts."""
    chain, believed = SealedChain[int](GENESIS, TRUSTED), []
    for link in [*SEALED[:2], SEALED[1], *SEALED[:3], *SEALED]:
        believed += [each.link for each in chain.take(link, 0)[0]]
    assert believed == SEALED


def test_rows_of_another_ledger_are_not_believed() -> None:
    """A row that fits its position and no predecessor is forged, whatever its seal."""
    with pytest.raises(Forged):
        SealedChain[int](Head(position=1, hash=bytes(32)), TRUSTED).take(SEALED[1], 0)


def test_a_row_is_understood_as_its_event() -> None:
    """The fact, its place, who did it when, and its hash."""
    row, row_hash = ROWS[0]
    assert understand(row, row_hash) == RecordedEvent(
        position=1,
        stream=StreamId(row.stream),
        version=1,
        event_id=EventId(row.event_id),
        event=AccountCreated(account_id=AccountId("acc_1"), name="Zahnärzte 1"),
        actor=Actor(role="operator", subject="olga"),
        request_id="req-1",
        recorded_at=datetime(2026, 3, 1, 9, 30, 0, 1, tzinfo=UTC),
        hash=row_hash,
    )


@pytest.mark.parametrize(
    "edit",
    [
        {"type": "keyfold.account.closed"},
        {"schema_version": SCHEMA_VERSION + 1},
        {"data": "{}"},
        {"data": ROWS[0][0].data.replace("{", '{"more":1,')},
        {"recorded_at": "today"},
    ],
)
def test_a_row_that_is_not_understood_stops_its_reader(edit: dict[str, Any]) -> None:
    """A type, version, content, field or time that this code does not know is never guessed at."""
    with pytest.raises(UnknownEvent):
        understand(replace(ROWS[0][0], **edit), ROWS[0][1])
