"""Each service can do its work with its role's rights alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from keyfold.store.access_log.partitions import drop_before
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.enforcement.leases import Holder, Leases
from keyfold.store.enforcement.positions import Enforcement
from keyfold.store.ledger.idempotency_records import Keeper, NewIdempotencyRecord
from keyfold.store.ledger.read_set import ReadSet
from keyfold.store.ledger.relay_offset import RelayOffset
from keyfold.store.postgres.migrations import require_migrations
from keyfold.store.postgres.partition_shares import PartitionShare
from keyfold.store.postgres.readiness import DatabaseReadiness
from keyfold.store.postgres.roles import ROLES, role_of
from keyfold.store.read_model.generations import open_generations
from keyfold.store.read_model.reader import ReadModel
from keyfold.store.read_model.snapshots import Snapshots
from keyfold.wire.events.chain import GENESIS
from keyfold.wire.offsets import Advance
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.accounts import report_of
from tests.support.audit.rows import read_filed
from tests.support.database import execute
from tests.support.eventually import eventually
from tests.support.seals import ledger_on
from tests.support.state_secret import STATE_SECRET
from tests.support.store.events import CREATED, draft, now
from tests.support.store.logins import login_of, pool_of

DAY = EPOCH.date()
LOGGED_IN = ("registry", "relay", "projection", "audit")


async def test_registry(lived_in: str) -> None:
    """The registry's role can append, keep idempotency records, and serve reads."""
    each = draft(CREATED)
    async with pool_of(lived_in, "registry") as pool:
        ledger = ledger_on(pool)
        answer = NewIdempotencyRecord(
            id=b"i" * 32,
            fingerprint=b"f" * 32,
            sealed=b"sealed",
            events=1,
            keeper=Keeper(tenant=b"t" * 32, login=b"l" * 32),
        )
        await ledger.append([each], {each.stream: 0}, now(), answers=[answer])
        later = now() + timedelta(days=2)
        await ledger.append([], {}, later, answers=[answer])
        looked_at = await ledger.look(ReadSet(streams=frozenset([each.stream])), later)
        assert looked_at.streams[each.stream].version == 1
        assert len(await ledger.rows_after(0, 10)) == 1
        assert await Enforcement(pool).wait_for(1, timeout_s=1)
        assert await ReadModel(pool).position() == 0
        assert await pool.fetch("select key_id, last_used_at from access_log.last_used") == []


async def test_relay(database: str) -> None:
    """The relay's role can read the ledger and move its offset."""
    async with pool_of(database, "relay") as pool:
        assert await ledger_on(pool).rows_after(0, 10) == []
        assert (await ledger_on(pool).head()).position == 0
        await RelayOffset(pool).advance(0, 5)
        assert await RelayOffset(pool).position() == 5


async def test_projection(lived_in: str) -> None:
    """The projection's role can replace a generation, even one that another of its logins made."""
    async with open_generations(
        await login_of(lived_in, "projection", "another"), STATE_SECRET
    ) as generations:
        await generations.begin()
        async with generations.compared() as comparison:
            assert await comparison.differences() == ()
        async with generations.standstill():
            await generations.swap()
        await generations.drop_old()


async def test_gatekeeper(lived_in: str) -> None:
    """The gatekeeper's role can hold a lease under the head's lock, and read all that it decides by."""
    async with pool_of(lived_in, "gatekeeper") as pool:
        leases, holder = Leases(pool), Holder(id="one", host="here", lease_s=60)
        assert await leases.renew(holder, 0) == await leases.renew(holder, 0) == GENESIS
        await leases.tell(holder, 1)
        await leases.forget_dead()
        await leases.withdraw(holder)
        assert (await Snapshots(pool, STATE_SECRET).snapshot()).head.position == 0


async def test_audit(lived_in: str) -> None:
    """The audit role can file, even what is filed already, and maintain partitions, even another login's."""
    another = await login_of(lived_in, "audit", "another")
    async with pool_of(lived_in, "audit") as pool:
        access_log = AccessLog(pool, "access")
        for expected in range(2):
            advance = Advance(partition=0, expected=expected, next=expected + 1)
            await access_log.file([access_event(1)], [advance])
        assert await read_filed(pool) == [1]
        assert [(each.filed, each.duplicates) for each in await report_of(pool)] == [(1, 1)]
        assert await drop_before(another, DAY + timedelta(days=1)) == {DAY}
        async with PartitionShare(another, "access") as share:
            assert await share.settle(2) == {0, 1}


async def test_every_service_sees_that_it_may_start(database: str) -> None:
    """Every service's login can see that the database has all migrations."""
    with capture_logs() as lines:
        for role in ROLES:
            await require_migrations(await login_of(database, role.removeprefix("keyfold_")))
    assert lines == []


@pytest.mark.parametrize("service", LOGGED_IN)
async def test_another_services_login_is_not_ready(lived_in: str, service: str) -> None:
    """A service that has another's login is not ready, and says which role it needs."""
    other = next(each for each in LOGGED_IN if each != service)
    lacking = f"the database: this login lacks the rights of {role_of(service)}"
    assert await readiness_of(lived_in, login=service, service=service) is None
    assert (await readiness_of(lived_in, login=other, service=service) or "").startswith(lacking)


async def readiness_of(database: str, *, login: str, service: str) -> str | None:
    """Return what a service with that login says of the database in its readiness, once it has asked."""
    async with pool_of(database, login) as pool:
        readiness = DatabaseReadiness(pool, role_of(service))
        before = readiness.check()

        async def asked() -> bool:
            return readiness.check() != before

        watch = asyncio.create_task(readiness.watch())
        try:
            await eventually(asked)
        finally:
            watch.cancel()
        return readiness.check()


@pytest.mark.parametrize("rights", ["superuser", "owner", "delete"])
async def test_a_service_with_more_rights_than_one_needs_is_warned_of(database: str, rights: str) -> None:
    """A service whose login could rewrite the ledger logs a warning with that login's name."""
    grants = {
        "superuser": "alter role mighty superuser",
        "owner": "alter table ledger.events owner to mighty",
        "delete": "grant delete on ledger.events to mighty",
    }
    dsn = await login_of(database, "registry", name="mighty")
    await execute(database, grants[rights].replace("mighty", "mighty_registry"))
    try:
        with capture_logs() as lines:
            await require_migrations(dsn)
    finally:
        await execute(database, "alter role mighty_registry nosuperuser")
    (line,) = lines
    assert (line["event"], line["login"]) == ("login_may_rewrite_ledger", "mighty_registry")
