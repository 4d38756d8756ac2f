"""A small world of gatekeepers, a ledger and a registry, in which every order of steps can be tried.

Whoever does not take a step is paused, cut off or dead: all of that is here, for every step may be put off as
long as one likes, also for ever. The lease is the gatekeeper's own class; time is in whole seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import product
from typing import NamedTuple

from keyfold.gatekeeper.replica.lease import Beat, Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The protocol and what may be expected of its surroundings; each safeguard can be taken out.

    `lag_max_s` is how far a gatekeeper's clock may fall behind PostgreSQL's. A `gateway_timeout_s` of None is
    a gateway that never gives up, `step_s` how far PostgreSQL's clock is once stepped.
    """

    lease_s: int = 2
    margin_s: int = 2
    lag_max_s: int = 1
    gateway_timeout_s: int | None = 1
    step_s: int = 0
    head_is_locked: bool = True
    lease_counts_from_start: bool = True
    checks_before_sending: bool = True
    waits_for_the_silent: bool = True
    forfeits_before_withdrawing: bool = True
    ids_differ: bool = True
    rows_are_left_alone: bool = True
    seals_count: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The limits of what happens in a world."""

    gatekeepers: int = 1
    seconds: int = 6
    appends: int = 1
    beats: int = 1
    requests: int = 1


class Row(NamedTuple):
    """A gatekeeper's row; the time is PostgreSQL's, and a lease of 0 has no end."""

    applied: int
    renewed_s: int
    lease_s: int


class Phase(IntEnum):
    """How far PostgreSQL is with a beat's transaction."""

    BEGUN = 0
    WRITTEN = 1
    READ = 2
    COMMITTED = 3


class Renewal(NamedTuple):
    """A beat under way: begun at that time of the gatekeeper's clock, with what was applied by then."""

    phase: Phase
    began_s: int
    row: Row
    head: int = 0


class Stage(IntEnum):
    """How far a gatekeeper is with a question that it would allow."""

    DECIDED = 0
    JOURNALLED = 1
    CHECKED = 2


class Question(NamedTuple):
    """A question asked at a true time, to be allowed from the state at a position."""

    stage: Stage
    asked_s: int
    position: int


class Gatekeeper(NamedTuple):
    """A process; `told` is all its lease was told; `applied`, None without a state, is partly `forged`."""

    clock_s: int
    applied: int | None = None
    told: tuple[tuple[int, ...], ...] = ()
    renewal: Renewal | None = None
    question: Question | None = None
    beats_left: int = 0
    questions_left: int = 0
    lag_s: int = 0
    forged: int = 0


class World(NamedTuple):
    """Everything at one moment. `confirmed` is the last position that a registry said is enforced;
    `broken` tells that an allow from before it came through.
    """

    gatekeepers: tuple[Gatekeeper, ...]
    rows: tuple[Row | None, ...]
    now_s: int = 0
    postgres_s: int = 0
    head: int = 0
    is_appending: bool = False
    has_stepped: bool = False
    confirmed: int = 0
    broken: bool = False


Step = tuple[str, World]


def beginning(bounds: Bounds) -> World:
    """Return a world in which nothing has happened; each gatekeeper may start at any time."""
    unborn = Gatekeeper(0, beats_left=bounds.beats, questions_left=bounds.requests)
    return World((unborn,) * bounds.gatekeepers, rows=(None,) * bounds.gatekeepers)


def steps(world: World, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Yield everything that may happen next, with the resulting world."""
    yield from _time(world, rules, bounds)
    yield from _ledger(world, rules, bounds)
    enforced = enforced_position(world.head, world.rows, world.postgres_s, rules)
    if enforced > world.confirmed:
        yield f"the registry says that {enforced} is enforced", world._replace(confirmed=enforced)
    for index in range(bounds.gatekeepers):
        yield from _gatekeeper(world, rules, index)


def enforced_position(head: int, rows: tuple[Row | None, ...], now_s: int, rules: Rules) -> int:
    """Return what the registry's statement returns."""
    return min([head, *(row.applied for row in rows if row is not None and _counts(row, now_s, rules))])


def _counts(row: Row, now_s: int, rules: Rules) -> bool:
    if not rules.waits_for_the_silent:
        return row.renewed_s + 1 >= now_s
    return not row.lease_s or row.renewed_s + row.lease_s + rules.margin_s >= now_s


def _time(world: World, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    if world.now_s < bounds.seconds:
        for lags in product((0, 1), repeat=bounds.gatekeepers):
            if all(
                each.lag_s + lag <= rules.lag_max_s for each, lag in zip(world.gatekeepers, lags, strict=True)
            ):
                passed = tuple(
                    each._replace(clock_s=each.clock_s + 1 - lag, lag_s=each.lag_s + lag)
                    for each, lag in zip(world.gatekeepers, lags, strict=True)
                )
                name = "a second passes" + (", not for every clock" if any(lags) else "")
                at, postgres_s = world.now_s + 1, world.postgres_s + 1
                yield name, world._replace(now_s=at, postgres_s=postgres_s, gatekeepers=passed)
    if rules.step_s and not world.has_stepped:
        stepped = world._replace(postgres_s=world.postgres_s + rules.step_s, has_stepped=True)
        yield "PostgreSQL's clock is stepped", stepped


def _ledger(world: World, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    if world.is_appending:
        yield "the append commits", world._replace(is_appending=False, head=world.head + 1)
        return
    readers = [each for each in world.gatekeepers if each.renewal and each.renewal.phase is Phase.READ]
    if world.head < bounds.appends and not (rules.head_is_locked and readers):
        yield "an append locks the head", world._replace(is_appending=True)


def _gatekeeper(world: World, rules: Rules, index: int) -> Iterator[Step]:
    me = world.gatekeepers[index]
    row_index = index if rules.ids_differ else 0
    yield from ((f"{index}: {name}", after) for name, after in _transaction(world, rules, index, row_index))
    if me.question is not None and me.question.stage is Stage.CHECKED:
        # The check and the sending are one step of its event loop: nothing else of this process is between.
        yield f"{index}: sends", _sent(world, rules, index, me.question)
        return
    for name, changed in _own(world, rules, me):
        yield f"{index}: {name}", _with(world, index, changed)
    row = world.rows[row_index]
    if row is not None:
        if me.applied is not None and me.applied > row.applied:
            told = row._replace(applied=me.applied)
            yield f"{index}: tells that it has applied {me.applied}", _with_row(world, row_index, told)
        if me.renewal is None:
            ended = me._replace(beats_left=0)
            if rules.forfeits_before_withdrawing:
                ended = ended._replace(told=(*me.told, ()))
            yield f"{index}: withdraws", _with_row(_with(world, index, ended), row_index, None)
        if not rules.rows_are_left_alone:
            yield f"{index}: somebody deletes its row", _with_row(world, row_index, None)


def _transaction(world: World, rules: Rules, index: int, row_index: int) -> Iterator[Step]:
    """What PostgreSQL does for a beat, whether or not its gatekeeper runs in the meantime."""
    me = world.gatekeepers[index]
    renewal = me.renewal
    if renewal is None:
        return
    match renewal.phase:
        case Phase.BEGUN:
            row = renewal.row._replace(renewed_s=world.postgres_s)
            written = renewal._replace(phase=Phase.WRITTEN, row=row)
            yield "its row is written", _with(world, index, me._replace(renewal=written))
        case Phase.WRITTEN if not (rules.head_is_locked and world.is_appending):
            read = renewal._replace(phase=Phase.READ, head=world.head)
            yield f"the head {world.head} is read", _with(world, index, me._replace(renewal=read))
        case Phase.READ:
            committed = me._replace(renewal=renewal._replace(phase=Phase.COMMITTED))
            yield "its beat commits", _with_row(_with(world, index, committed), row_index, renewal.row)
        case _:
            return


def _own(world: World, rules: Rules, me: Gatekeeper) -> Iterator[tuple[str, Gatekeeper]]:
    """What the process does by itself."""
    if me.applied is None:
        for position in range(world.head + 1):
            yield f"starts from position {position}", me._replace(applied=position)
        return
    if me.applied < world.head:
        yield f"applies {me.applied + 1}", _advanced(me, me.applied + 1)
    elif not rules.seals_count and not me.forged:
        yield "applies what nobody sealed", _advanced(me, me.applied + 1)._replace(forged=1)
    if me.renewal is not None:
        yield "gives the beat up", me._replace(renewal=None)
        if me.renewal.phase is Phase.COMMITTED:
            began_s = me.renewal.began_s if rules.lease_counts_from_start else me.clock_s
            told = (*me.told, (began_s, me.renewal.head, me.applied))
            yield "hears that its beat was committed", me._replace(renewal=None, told=told)
    elif me.beats_left:
        begun = Renewal(Phase.BEGUN, me.clock_s, Row(me.applied, 0, rules.lease_s))
        yield "begins a beat", me._replace(renewal=begun, beats_left=me.beats_left - 1)
    yield from _answering(world, rules, me, me.applied - me.forged)


def _advanced(me: Gatekeeper, applied: int) -> Gatekeeper:
    return me._replace(applied=applied, told=(*me.told, (applied,)))


def _answering(world: World, rules: Rules, me: Gatekeeper, applied: int) -> Iterator[tuple[str, Gatekeeper]]:
    is_held = lease_of(rules.lease_s, me.told).is_held(me.clock_s)
    question = me.question
    if question is None:
        if me.questions_left and is_held:
            decided = Question(Stage.DECIDED, world.now_s, applied)
            changed = me._replace(question=decided, questions_left=me.questions_left - 1)
            yield f"decides to allow, from position {applied}", changed
    elif question.stage is Stage.DECIDED:
        yield "journals", me._replace(question=question._replace(stage=Stage.JOURNALLED))
    elif not rules.checks_before_sending:
        yield "does not check", me._replace(question=question._replace(stage=Stage.CHECKED))
    elif is_held:
        checked = question._replace(stage=Stage.CHECKED, position=applied)
        yield f"checks, and allows from position {applied}", me._replace(question=checked)
    else:
        yield "answers stale", me._replace(question=None)


def _sent(world: World, rules: Rules, index: int, question: Question) -> World:
    is_awaited = rules.gateway_timeout_s is None or world.now_s <= question.asked_s + rules.gateway_timeout_s
    answered = _with(world, index, world.gatekeepers[index]._replace(question=None))
    return answered._replace(broken=is_awaited and question.position < world.confirmed)


@cache
def lease_of(lease_s: int, told: tuple[tuple[int, ...], ...]) -> Lease:
    """Return the gatekeeper's real lease after all that it was told."""
    lease = Lease(lease_s)
    for each in told:
        match each:
            case (began_s, head, applied):
                lease.beat(Beat(began_s=began_s, head=head), applied)
            case (applied,):
                lease.note_applied(applied)
            case _:
                lease.forfeit()
    return lease


def _with(world: World, index: int, changed: Gatekeeper) -> World:
    gatekeepers = world.gatekeepers
    return world._replace(gatekeepers=(*gatekeepers[:index], changed, *gatekeepers[index + 1 :]))


def _with_row(world: World, index: int, row: Row | None) -> World:
    return world._replace(rows=(*world.rows[:index], row, *world.rows[index + 1 :]))
