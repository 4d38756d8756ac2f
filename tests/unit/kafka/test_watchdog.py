"""When a reader counts as stuck."""

from __future__ import annotations

from keyfold.kafka.watchdog import Lag, Watchdog


def lag(next_offset: int, end_offset: int) -> Lag:
    """Be at one offset of another."""
    return Lag(next_offset=next_offset, end_offset=end_offset)


def watchdog() -> Watchdog:
    """Return a watchdog that has just begun, at 0 s, and looks every 10 s."""
    dog = Watchdog(interval_s=10, due_at_s=0)
    dog.restart(0)
    return dog


def test_looks_in_turns() -> None:
    """A check is due when the interval is over and each partition could have been read since."""
    dog = watchdog()
    assert not dog.is_due(9, partitions=1)
    assert dog.is_due(10, partitions=1)
    assert not watchdog().is_due(10, partitions=1)


def test_stuck() -> None:
    """A partition that had something to read an interval ago and has not moved is stuck."""
    dog = watchdog()
    assert dog.find_stuck(10, {0: lag(5, 9), 1: lag(5, 9)}) == frozenset()
    assert dog.find_stuck(20, {0: lag(5, 9), 1: lag(6, 9)}) == {0}


def test_idle() -> None:
    """A partition that had been read to its end is not stuck, even if records have come since."""
    dog = watchdog()
    dog.find_stuck(10, {0: lag(9, 9)})
    assert dog.find_stuck(20, {0: lag(9, 12)}) == frozenset()


def test_forgets() -> None:
    """After a change of partitions or consumer nothing from before counts."""
    dog = watchdog()
    dog.find_stuck(10, {0: lag(5, 9)})
    dog.restart(15)
    assert dog.find_stuck(25, {0: lag(5, 9)}) == frozenset()
