"""Commands at once, in one process and in several: nothing is lost, nothing twice, every bound exact."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from keyfold.domain.ids import account_stream, key_stream
from keyfold.domain.lifecycle.account import CreateAccount
from keyfold.domain.lifecycle.subscriber_key import (
    RevokedSubscriberKey,
    SubscriberKeyCreated,
    SubscriberKeyRevoked,
)
from keyfold.domain.lifecycle.subscriber_key_commands import RevokeSubscriberKeys
from keyfold.domain.refusal import Refusal
from keyfold.registry.commands.execution import (
    Commands,
    Done,
    Executed,
    NotDone,
    Outcome,
    Show,
    show_nothing,
)
from keyfold.registry.commands.handler import Command
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import Answer
from keyfold.runtime.http.preconditions import Preconditions
from keyfold.store.ledger.read_set import ReadSet
from keyfold.store.postgres.errors import DatabaseAway
from tests.support.key_commands import (
    OTTO,
    create_key,
    rename_key,
    revoke_key,
)
from tests.support.lifecycle_events import account_id, key_id
from tests.support.registry.commanding import SetClock, processes

ACCOUNT = account_stream(account_id(0))


async def test_two_hundred_on_many_streams(database: str) -> None:
    """Two hundred commands on streams of their own, from two processes, all happen: no gap, none twice."""
    async with processes(database, accounts=20) as running:
        outcomes = await running.run_all(
            [create_key(number, account=number % 20) for number in range(1, 201)]
        )
        events = await running.events()
    assert [type(each) for each in outcomes] == [Done] * 200
    made = [each.event.key_id for each in events if isinstance(each.event, SubscriberKeyCreated)]
    assert sorted(made) == [key_id(number) for number in range(1, 201)]
    assert len(events) == 220


async def test_two_hundred_on_one_stream(database: str) -> None:
    """Two hundred commands on one stream, from two processes, each see all before them: none is lost."""
    async with processes(database) as running:
        await running.run_all([create_key(1, account=0)])
        outcomes = await running.run_all(
            [rename_key(1, f"Name {number}", account=0) for number in range(200)]
        )
        events = await running.events()
    assert [type(each) for each in outcomes] == [Done] * 200
    versions = [each.version for each in events if each.stream == key_stream(key_id(1))]
    assert versions == list(range(1, 202))
    positions = sorted(each.position for each in outcomes if isinstance(each, Done))
    assert positions == [each.position for each in events[2:]]


async def test_answers_after_their_own_command(database: str) -> None:
    """Each of a batch's commands is answered with what it left itself, not with what came after it."""

    def show(executed: Executed) -> Answer:
        return Answer(body=str(executed.after.streams[executed.subject].version).encode())

    async with processes(database, count=1) as running:
        (commands,) = running.commands
        await running.run_all([create_key(1, account=0)])
        renames = [rename_key(1, name, account=0) for name in ("one", "two", "two")]
        outcomes = await asyncio.gather(*(commands.run(each, OTTO, show) for each in renames))
    assert [each.answer.body for each in outcomes if isinstance(each, Done)] == [b"2", b"3", b"3"]
    assert [each.position for each in outcomes if isinstance(each, Done)] == [3, 4, 4]


@pytest.mark.parametrize("count", [1, 2])
async def test_racing_revocations(database: str, count: int) -> None:
    """Twenty revocations of one key at once are one event, and all of them are told that it is revoked."""
    async with processes(database, count) as running:
        await running.run_all([create_key(1, account=0)])
        outcomes = await running.run_all([revoke_key(1, account=0)] * 20)
        events = await running.events()
    assert [type(each) for each in outcomes] == [Done] * 20
    assert [type(each.event) for each in events].count(SubscriberKeyRevoked) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("count", [1, 2])
async def test_revocation_against_edit(database: str, count: int, order: tuple[int, ...]) -> None:
    """A key that is revoked and edited at once ends revoked, whichever came first."""
    async with processes(database, count) as running:
        await running.run_all([create_key(number, account=0) for number in range(1, 11)])
        pairs = [
            (revoke_key(number, account=0), rename_key(number, "Alive", account=0)) for number in range(1, 11)
        ]
        outcomes = await running.run_all([pair[index] for pair in pairs for index in order])
        streams = [key_stream(key_id(number)) for number in range(1, 11)]
        after = await running.ledgers[0].look(ReadSet(streams=frozenset(streams)), SYSTEM_CLOCK.now())
    assert all(isinstance(after.streams[each].aggregate, RevokedSubscriberKey) for each in streams)
    refused = {each.code for each in outcomes if isinstance(each, Refusal)}
    assert refused <= {"key-revoked"}


async def test_bound_on_live_keys(database: str) -> None:
    """Of 150 keys made at once through two processes exactly as many come to be as an account may have."""
    async with processes(database) as running:
        asked = [create_key(number, account=0, live_keys_max=40) for number in range(1, 151)]
        outcomes = await running.run_all(asked)
        assert sum(isinstance(each, Done) for each in outcomes) == 40
        assert {each.code for each in outcomes if isinstance(each, Refusal)} == {"too-many-keys"}
        assert len(await running.events()) == 41
        made = [number for number, each in enumerate(outcomes, 1) if isinstance(each, Done)]
        # A revoked key makes room, for one that is asked for in the same batch too.
        again: list[Command] = [
            revoke_key(made[0], account=0),
            *(create_key(1000 + n, account=0, live_keys_max=40) for n in (1, 2)),
        ]
        revoked, first, second = await asyncio.gather(
            *(running.commands[0].run(each, OTTO) for each in again)
        )
    assert [type(each) for each in (revoked, first, second)] == [Done, Done, Refusal]


async def test_every_live_key(database: str) -> None:
    """A command may look at every live key of an account, also at those that the same batch makes."""

    def states(executed: Executed) -> Answer:
        assert executed.subject == ACCOUNT
        assert not executed.after.account_keys[account_id(0)].live
        revoked = [
            isinstance(executed.after.streams[key_stream(key_id(number))].aggregate, RevokedSubscriberKey)
            for number in range(2, 6)
        ]
        return Answer(body=str(revoked.count(True)).encode())

    incident = RevokeSubscriberKeys(account_id=account_id(0), key_ids=None)
    async with processes(database, count=1, accounts=2) as running:
        (commands,) = running.commands
        await running.run_all([create_key(number, account=0) for number in range(1, 5)])
        await running.run_all([create_key(9, account=1), revoke_key(1, account=0)])
        _, outcome = await asyncio.gather(
            commands.run(create_key(5, account=0), OTTO), commands.run(incident, OTTO, states)
        )
        events = await running.events()
    assert isinstance(outcome, Done)
    assert outcome.answer.body == b"4"
    assert [type(each.event) for each in events].count(SubscriberKeyRevoked) == 5


async def test_poison(database: str) -> None:
    """A command that fails fails alone: the others of its batch happen."""

    def bug(_executed: Executed) -> Answer:
        raise ZeroDivisionError

    undecidable: Any = "no time"
    poison: list[tuple[Command, Show]] = [
        (replace(rename_key(1, "x", account=0), expires_at=undecidable), show_nothing),
        (create_key(100, account=0), bug),
        (CreateAccount(account_id=account_id(8), name="a\ud800b"), show_nothing),
    ]
    async with processes(database, count=1) as running:
        (commands,) = running.commands
        keys: list[tuple[Command, Show]] = [
            (create_key(number, account=0), show_nothing) for number in range(1, 11)
        ]
        outcomes = await asyncio.gather(
            *(commands.run(each, OTTO, show) for each, show in (*keys[:5], *poison, *keys[5:])),
            return_exceptions=True,
        )
        events = await running.events()
    assert [isinstance(each, Exception) for each in outcomes] == [False] * 5 + [True] * 3 + [False] * 5
    assert len(events) == 11


async def test_away(database: str) -> None:
    """When PostgreSQL is away, every command of a batch is told so."""
    async with processes(database, count=1) as running:
        await running.pools[0].close()
        outcomes = await asyncio.gather(
            *(running.commands[0].run(create_key(number, account=0), OTTO) for number in range(1, 11)),
            return_exceptions=True,
        )
    assert [type(each) for each in outcomes] == [DatabaseAway] * 10


async def test_left_before_its_turn(database: str) -> None:
    """A command whose caller has left before its batch began does not happen."""
    async with processes(database, count=1) as running:
        (commands,) = running.commands
        first = asyncio.create_task(commands.run(create_key(1, account=0), OTTO))
        await asyncio.sleep(0)
        second = asyncio.create_task(commands.run(create_key(2, account=0), OTTO))
        await asyncio.sleep(0)
        second.cancel()
        assert isinstance(await first, Done)
        await running.run_all([create_key(3, account=0)])
        made = [
            each.event.key_id
            for each in await running.events()
            if isinstance(each.event, SubscriberKeyCreated)
        ]
    assert made == [key_id(1), key_id(3)]


async def test_never_ending_race(database: str) -> None:
    """Where four processes want one stream all the time, every command happens nevertheless."""
    async with processes(database, count=4) as running:
        await running.run_all([create_key(1, account=0)])

        async def over_and_over(commands: Commands, caller: int) -> list[Outcome]:
            names = (f"Name {caller} {number}" for number in range(10))
            return [await commands.run(rename_key(1, name, account=0), OTTO) for name in names]

        callers = list(enumerate([*running.commands] * 5))
        outcomes = await asyncio.gather(*(over_and_over(commands, number) for number, commands in callers))
        events = await running.events()
    assert {type(each) for several in outcomes for each in several} == {Done}
    assert len(events) == 202


async def test_stale(database: str) -> None:
    """Of two commands in one batch that both know the same version, the second is told that it is stale."""
    async with processes(database, count=1) as running:
        await running.run_all([create_key(1, account=0)])
        metadata = dataclasses.replace(OTTO, preconditions=Preconditions(match=frozenset(('"1"',))))
        asked = [rename_key(1, "One", account=0), rename_key(1, "Two", account=0)]
        outcomes = await asyncio.gather(*(running.commands[0].run(each, metadata) for each in asked))
    assert isinstance(outcomes[0], Done)
    assert outcomes[1] is NotDone.STALE


async def test_clock_that_goes_back(database: str) -> None:
    """When the clock goes back by an hour, decisions are made at the time of the ledger's last event."""
    clock = SetClock()
    async with processes(database, count=1, clock=clock) as running:
        before = clock.now()
        clock.moved_by = -timedelta(hours=1)
        await running.run_all([create_key(1, account=0), revoke_key(1, account=0)])
        account, created, revoked = await running.events()
    assert account.recorded_at <= before
    assert isinstance(created.event, SubscriberKeyCreated)
    assert isinstance(revoked.event, SubscriberKeyRevoked)
    times = (created.recorded_at, created.event.created_at, revoked.recorded_at, revoked.event.revoked_at)
    assert set(times) == {account.recorded_at}
