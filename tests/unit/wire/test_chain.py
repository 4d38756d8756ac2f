"""The hash chain: no row is edited, left out, repeated or moved without a reader knowing."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from msgspec.structs import asdict, fields, replace

from keyfold.domain.ids import AccountId, EventId, StreamId
from keyfold.domain.lifecycle.account import AccountCreated
from keyfold.domain.lifecycle.fold import Actor, RecordedEvent
from keyfold.wire.events.chain import GENESIS, BrokenChain, Head, LedgerGap, Row, follow, seal, understand
from keyfold.wire.events.codec import UnknownEvent
from keyfold.wire.events.upcasting import SCHEMA_VERSION
from tests.support.wire.given import ledger, row_at

ROWS = ledger(4)


def follow_all(rows: list[tuple[Row, bytes]], head: Head = GENESIS) -> tuple[Head, list[int]]:
    """Follow rows and return the head after them, and the positions that were taken."""
    taken = []
    for row, row_hash in rows:
        if (after := follow(head, row, row_hash)) is not None:
            head = after
            taken.append(row.position)
    return head, taken


def test_a_whole_ledger_is_followed_to_its_head() -> None:
    """From genesis to the last row, each taken once."""
    assert follow_all(ROWS) == (Head(position=4, hash=ROWS[-1][1]), [1, 2, 3, 4])


def test_the_seal_of_a_row_never_changes() -> None:
    """Ledgers written yesterday verify tomorrow: the canonical bytes are fixed for ever."""
    assert Head(position=0, hash=bytes(32)) == GENESIS
    assert seal(bytes(32), row_at(1)).hex() == (
        "a8df830d76820151fa8dd1b04cd155d8bd8e398c891c1b8f975148781bde1b4e"
    )


def test_a_seal_can_be_computed_by_anybody() -> None:
    """SHA-256 of the previous hash and a JSON array of the row's fields, with any JSON library."""
    for (row, row_hash), previous in zip(ROWS, [bytes(32), *(known for _, known in ROWS)], strict=False):
        text = json.dumps(list(asdict(row).values()), ensure_ascii=False, separators=(",", ":"))
        assert sha256(previous + text.encode()).digest() == row_hash


@pytest.mark.parametrize("field", [field.name for field in fields(Row)])
@pytest.mark.parametrize("index", range(3))
def test_an_edit_of_any_field_of_any_row_is_found(field: str, index: int) -> None:
    """A changed row breaks the chain at its own position; a changed position is a gap."""
    row, row_hash = ROWS[index]
    value = getattr(row, field)
    fault = LedgerGap if field == "position" else BrokenChain
    for edit in (value + 1,) if isinstance(value, int) else (value + "x", value[:-1], ""):
        edits: dict[str, Any] = {field: edit}
        rows = [*ROWS[:index], (replace(row, **edits), row_hash), *ROWS[index + 1 :]]
        with pytest.raises(fault, match=f"position {index + 1}|missing"):
            follow_all(rows)


def test_no_trace_is_told_from_an_empty_one() -> None:
    """Absence is a value of its own under the seal."""
    seals = {seal(bytes(32), replace(row_at(1), traceparent=trace)) for trace in (None, "", "null")}
    assert len(seals) == 3


def test_neighbouring_fields_do_not_run_together() -> None:
    """A character moved from the end of one field to the start of the next changes the seal."""
    row = row_at(1)
    moved = replace(row, actor_role=row.actor_role[:-1], actor_subject=row.actor_role[-1] + row.actor_subject)
    assert seal(bytes(32), moved) != seal(bytes(32), row)


def test_a_rewritten_row_with_a_hash_of_its_own_breaks_at_the_next() -> None:
    """Whoever seals an edited row anew is found by the row after it."""
    row = replace(ROWS[1][0], actor_subject="mallory")
    forged = [ROWS[0], (row, seal(ROWS[0][1], row)), *ROWS[2:]]
    with pytest.raises(BrokenChain, match="position 3"):
        follow_all(forged)


def test_a_gap_is_found_and_counted() -> None:
    """A missing row stops the reader and says how many are missing."""
    with pytest.raises(LedgerGap, match="position 4 follows 1: 2 events are missing"):
        follow_all([ROWS[0], ROWS[3]])
    with pytest.raises(LedgerGap, match="position 2 follows 0: 1 events are missing"):
        follow_all(ROWS[1:])


def test_a_repeat_is_dropped() -> None:
    """What was taken already is not taken again, from whichever position the repeat starts."""
    assert follow_all([*ROWS[:2], ROWS[1], *ROWS[:3], *ROWS]) == follow_all(ROWS)
    assert follow(Head(position=4, hash=ROWS[-1][1]), *ROWS[-1]) is None


def test_rows_in_another_order_are_a_gap() -> None:
    """Two rows that changed places are found at the first."""
    with pytest.raises(LedgerGap):
        follow_all([ROWS[0], ROWS[2], ROWS[1], ROWS[3]])


def test_rows_of_another_ledger_are_found() -> None:
    """A row that fits its position and no predecessor breaks the chain."""
    with pytest.raises(BrokenChain):
        follow(Head(position=1, hash=bytes(32)), *ROWS[1])


def test_a_row_is_understood_as_its_event() -> None:
    """The fact, its place, who did it when, and its seal."""
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
        {"recorded_at": "today"},
    ],
)
def test_a_row_that_is_not_understood_stops_its_reader(edit: dict[str, Any]) -> None:
    """A type, version, content or time that this code does not know is never guessed at."""
    with pytest.raises(UnknownEvent):
        understand(replace(ROWS[0][0], **edit), ROWS[0][1])
