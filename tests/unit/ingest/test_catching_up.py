"""Up to when the log is known to have caught up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from keyfold.ingest.catching_up import CatchingUp
from keyfold.wire.offsets import PartitionEnd

THEN = datetime(2026, 1, 31, 8, tzinfo=UTC)
LATER = THEN + timedelta(seconds=5)


def end(offset: int, asked_at: datetime = THEN) -> PartitionEnd:
    """Return where a partition ended."""
    return PartitionEnd(offset=offset, asked_at=asked_at)


def test_an_end_is_reached_once_all_before_it_is_filed() -> None:
    """An end is reached, and returned once, when its partition is filed up to there or beyond."""
    catching_up = CatchingUp()
    catching_up.expect({0: 5, 1: 0, 2: 9}, THEN)
    assert catching_up.take_reached({0: 4, 1: 0, 2: 12}) == {1: end(0), 2: end(9)}
    assert catching_up.take_reached({0: 5, 1: 0, 2: 12}) == {0: end(5)}
    assert catching_up.take_reached({0: 5, 1: 0, 2: 12}) == {}


def test_a_busy_topic_is_complete_now_and_then() -> None:
    """A later end does not replace one that is not reached yet."""
    catching_up = CatchingUp()
    catching_up.expect({0: 5}, THEN)
    catching_up.expect({0: 50}, LATER)
    assert catching_up.take_reached({0: 7}) == {0: end(5)}
    catching_up.expect({0: 60}, LATER)
    assert catching_up.take_reached({0: 60}) == {0: end(60, LATER)}


def test_a_partition_that_another_has_is_left_to_it() -> None:
    """The end of a partition that is no longer read here is forgotten."""
    catching_up = CatchingUp()
    catching_up.expect({0: 5}, THEN)
    assert catching_up.take_reached({1: 5}) == {}
    assert catching_up.take_reached({0: 5}) == {}
