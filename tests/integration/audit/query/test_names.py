"""Names: what vendors and keys are called today, told to whom they may be told, and to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pytest
from structlog.testing import capture_logs

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import access_event, unattributed
from tests.support.audit.exports import MANY, export, lines
from tests.support.audit.log import ACCOUNT, KEY, PLACES, UNATTRIBUTED, VENDOR, Log, ask, asking
from tests.support.audit.read_model import key, serve, vendor
from tests.support.audit.sse import listening
from tests.support.database import execute
from tests.support.runtime.serving import Client
from tests.support.store.logins import login_of, pool_of

HOSTILE: Final = '=HYPERLINK("http://evil.example", "\\u202e<b>ü😀")'
WORLD: Final = (
    vendor("ven_1", "Recall Reminders"),
    vendor("ven_2", HOSTILE),
    key("acc_1", "key_1", "Front desk"),
    key("acc_1", "key_2", HOSTILE),
    key("acc_2", "key_9", "Not acc_1's to know"),
)
EVENTS: Final = (
    access_event(1),
    access_event(2, vendor_id=VendorId("ven_2"), key_id=KeyId("key_2")),
    access_event(3, vendor_id=VendorId("ven_gone"), key_id=KeyId("key_gone")),
    access_event(4, vendor_id=None, key_id=None),
    # Nobody of ours writes this; a record is filed as it comes.
    access_event(5, key_id=KeyId("key_9")),
    access_event(6, account_id=AccountId("acc_2"), key_id=KeyId("key_9")),
    unattributed(7),
    unattributed(8, key_id=KeyId("key_1")),
)
OWNERS: Final = {
    1: ("Recall Reminders", "Front desk"),
    2: (HOSTILE, HOSTILE),
    3: (None, None),
    4: (None, None),
    5: ("Recall Reminders", None),
}
EXPECTED: Final[Mapping[str, Mapping[int, tuple[str | None, str | None]]]] = {
    ACCOUNT: OWNERS,
    KEY: {1: OWNERS[1]},
    VENDOR: dict.fromkeys((1, 5, 6), ("Recall Reminders", None)),
    UNATTRIBUTED: dict.fromkeys((7, 8), (None, None)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The audit service with its own login, and the database's owner."""

    client: Client
    log: Log
    owner_dsn: str


@pytest.fixture
async def service(database: str, pool: Pool) -> AsyncIterator[Service]:
    """A service that may do no more than it may in production."""
    async with pool_of(database, "audit") as own, asking(await login_of(database, "audit"), own) as client:
        yield Service(client=client, log=Log(pool), owner_dsn=database)


def names(items: list[dict[str, Any]]) -> dict[int, tuple[str | None, str | None]]:
    """Return the names in items by their events' numbers."""
    return {int(item["path"].rpartition("/")[2]): (item["vendor_name"], item["key_name"]) for item in items}


async def list_names(client: Client, path: str = ACCOUNT, token: str = "owner-1") -> dict[int, Any]:
    """Return the names in a list."""
    return names((await ask(client, path, token=token))["items"])


@pytest.mark.parametrize(("path", "token"), PLACES)
async def test_whoever_may_know_a_name_is_told_it(service: Service, path: str, token: str) -> None:
    """An owner sees what vendors and its own keys are called, a vendor its own name alone, nobody anything
    of what is unattributed: in the list, in both files and in the stream.
    """
    await serve(service.owner_dsn, *WORLD)
    expected = EXPECTED[path]
    async with listening(service.client, path, token=token) as listener:
        await service.log.file(*EVENTS)
        assert names(await listener.next(len(expected))) == expected
    assert await list_names(service.client, path, token) == expected
    ndjson = await export(service.client, path, {"format": "ndjson"}, token)
    assert names([orjson.loads(line) for line in ndjson.splitlines()]) == expected
    in_csv: list[dict[str, Any]] = [
        {**line} for line in lines(await export(service.client, path, {"format": "csv"}, token))
    ]
    no_formulas = {each: tuple(_in_a_cell(name) for name in both) for each, both in expected.items()}
    assert names(in_csv) == no_formulas


def _in_a_cell(name: str | None) -> str:
    return f"'{name}" if name == HOSTILE else name or ""


async def test_names_are_those_of_today(service: Service) -> None:
    """What is called otherwise now was called so never, and a replay takes no name away."""
    await service.log.file(EVENTS[0])
    await serve(service.owner_dsn, *WORLD)
    assert await list_names(service.client) == {1: ("Recall Reminders", "Front desk")}
    await serve(service.owner_dsn, vendor("ven_1", "Recalls"), key("acc_1", "key_1", "Reception"))
    assert await list_names(service.client) == {1: ("Recalls", "Reception")}


async def test_without_names_all_goes_on(service: Service) -> None:
    """Where there is no read model, or it may not be read, nothing has a name, and the log says why."""
    await service.log.file(EVENTS[0])
    with capture_logs() as logged:
        assert await list_names(service.client) == {1: (None, None)}
        await serve(service.owner_dsn, *WORLD)
        await execute(service.owner_dsn, "revoke usage on schema projection from keyfold_audit")
        assert await list_names(service.client) == {1: (None, None)}
        assert await export(service.client, ACCOUNT, {"format": "ndjson"})
    reasons = [line["reason"] for line in logged if line["event"] == "names_unreadable"]
    assert ["Undefined" in reasons[0], "permission denied" in reasons[-1]] == [True, True]


async def test_an_export_keeps_no_generation(service: Service, pool: Pool) -> None:
    """However long a file takes, the read model whose names are in it can be replaced meanwhile."""
    await service.log.file(EVENTS[0])
    await pool.execute(MANY, 120_000)
    await serve(service.owner_dsn, *WORLD)
    answer = await service.client.ask("GET", f"{ACCOUNT}/export?format=ndjson", token="owner-1")
    assert await answer.content.readany()
    async with asyncio.timeout(10):
        await serve(service.owner_dsn, *WORLD)
    answer.close()
