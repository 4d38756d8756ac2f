"""Exports: all of someone's activity as a file, whole or visibly not."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import product

import aiohttp
import orjson
import pytest

from keyfold.domain.access.decision import Reason
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.permissions import Access, Category
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import EPOCH, access_event, unattributed
from tests.support.audit.exports import MANY, export, lines
from tests.support.audit.log import (
    ACCOUNT,
    KEY,
    PLACES,
    UNATTRIBUTED,
    VENDOR,
    Log,
    Query,
    ask,
    asking,
    number,
)
from tests.support.eventually import eventually
from tests.support.runtime.serving import Client

DAY = timedelta(days=1)
EVENTS = (
    access_event(1),
    access_event(2, key_id=KeyId("key_2"), category=Category.CLINICAL),
    access_event(3, vendor_id=VendorId("ven_2"), access=Access.WRITE),
    access_event(4, reason=Reason.READ_ONLY, access=Access.WRITE),
    access_event(5, at=EPOCH - DAY, category=None, access=None, client_ip=None, vendor_key_id=None),
    access_event(6, account_id=AccountId("acc_2"), key_id=KeyId("key_6")),
    access_event(7, reason=Reason.MALFORMED_KEY, requests=1204),
    unattributed(8, category=None, access=None, client_ip="198.51.100.0/24", requests=7),
    unattributed(9),
)
QUERIES: tuple[Query, ...] = (
    {},
    {"category": "patient"},
    {"decision": "deny"},
    {"since": EPOCH},
    {"key_id": "key_2"},
)
VENDOR_FILE = "keyfold-activity-ven_1-20251215-20260315"
RUNNING = """
select count(*) from pg_stat_activity
where application_name = 'keyfold audit export' and datname = current_database()
"""


async def test_an_export_is_the_list_whole(client: Client, log: Log) -> None:
    """In either form an export has the items of the list, with the same filters, members and order."""
    await log.file(*EVENTS)
    for (path, token), query in product(PLACES, QUERIES):
        if path == UNATTRIBUTED and "key_id" in query:
            continue
        listed = (await ask(client, path, query, token=token))["items"]
        ndjson = await export(client, path, {"format": "ndjson", **query}, token)
        assert [orjson.loads(line) for line in ndjson.splitlines()] == listed
        in_csv = lines(await export(client, path, {"format": "csv", **query}, token))
        assert in_csv == [
            {name: "" if value is None else str(value) for name, value in item.items()} for item in listed
        ]


async def test_an_empty_export_is_a_file_too(client: Client, log: Log) -> None:
    """Where there is nothing, CSV still names its columns, and NDJSON is empty."""
    await log.file(EVENTS[5])
    assert await export(client, ACCOUNT, {"format": "csv"}) == (
        b"event_id,at,account_id,key_id,vendor_id,vendor_key_id,category,access,method,path,decision,reason,"
        b"position,gateway,client_ip,requests,vendor_name,key_name\r\n"
    )
    assert await export(client, ACCOUNT, {"format": "ndjson"}) == b""


@pytest.mark.parametrize(
    ("path", "token", "form", "media_type", "name"),
    [
        (ACCOUNT, "owner-1", "csv", "text/csv", "keyfold-activity-acc_1-20251215-20260315.csv"),
        (KEY, "owner-1", "csv", "text/csv", "keyfold-activity-key_1-20251215-20260315.csv"),
        (VENDOR, "vendor-1", "ndjson", "application/x-ndjson", f"{VENDOR_FILE}.ndjson"),
        (UNATTRIBUTED, "operator", "csv", "text/csv", "keyfold-activity-unattributed-20251215-20260315.csv"),
    ],
)
async def test_an_export_names_itself(
    client: Client, path: str, token: str, form: str, media_type: str, name: str
) -> None:
    """The answer says what it is, and the file's name whose activity it holds and of which days."""
    for method in ("GET", "HEAD"):
        async with client.ask(method, f"{path}/export?format={form}", token=token) as answer:
            assert answer.content_type == media_type
            assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            await answer.read()


async def test_no_cell_is_a_formula(client: Client, log: Log) -> None:
    """A cell that a spreadsheet would run begins with an apostrophe, and is otherwise as it was."""
    formulas = [f'{first}HYPERLINK("http://evil.example", "x")' for first in "=+-@\t\r\n＝＋－＠"]
    await log.file(*(access_event(n, path=path) for n, path in enumerate([*formulas, "/v1/=1"], 1)))
    found = lines(await export(client, ACCOUNT, {"format": "csv"}))
    assert [line["path"] for line in found] == ["/v1/=1", *(f"'{each}" for each in reversed(formulas))]


async def test_any_text_comes_back(client: Client, log: Log) -> None:
    """Quotes, separators and control characters are read back as they were; CSV's lines end with CR LF."""
    paths = ['/v1/a"b', "/v1/a,b", "/v1/a\nb", "/v1/a\r\nb", '/v1/""\n""', "/v1/ü😀", "null", '/v1/\\"\\\\']
    paths += [f"/v1/{chr(code)}" for code in (*range(1, 0x20), 0x7F, 0x2028)]
    await log.file(*(access_event(n, path=path) for n, path in enumerate(paths, 1)))
    body = await export(client, ACCOUNT, {"format": "csv"})
    assert [line["path"] for line in lines(body)] == paths[::-1]
    assert body.endswith(b"\r\n")
    in_json = (await export(client, ACCOUNT, {"format": "ndjson"})).split(b"\n")
    assert in_json.pop() == b""
    assert [orjson.loads(line)["path"] for line in in_json] == paths[::-1]


async def test_ninety_days_are_exact(client: Client, log: Log) -> None:
    """What is older than 90 days is in no export, even while its partition is there."""
    bound = EPOCH - 90 * DAY
    await log.file(access_event(1, at=bound - timedelta(microseconds=1)), access_event(2, at=bound))
    (line,) = lines(await export(client, ACCOUNT, {"format": "csv"}))
    assert number(line["event_id"]) == 2
    query: Query = {"format": "csv", "since": EPOCH - 91 * DAY}
    assert (await ask(client, f"{ACCOUNT}/export", query, status=400))["type"].endswith(":beyond-retention")


@pytest.mark.parametrize("query", [{}, {"format": "xml"}, {"format": "csv", "limit": 5}])
async def test_what_is_no_export_is_refused(client: Client, query: Query) -> None:
    """Without a form, with an unknown one, or with what only a list takes, the answer is a problem."""
    await ask(client, f"{ACCOUNT}/export", query, status=400)


async def test_a_reader_that_leaves_stops_the_query(client: Client, pool: Pool, log: Log) -> None:
    """While rows are on their way PostgreSQL works; when the reader hangs up, it is told to stop."""
    await log.file(access_event(1))
    await pool.execute(MANY, 120_000)
    answer = await client.ask("GET", f"{ACCOUNT}/export?format=ndjson")
    assert answer.status == 403
    answer = await client.ask("GET", f"{ACCOUNT}/export?format=ndjson", token="owner-1")
    assert await answer.content.readany()
    assert await pool.fetchval(RUNNING) == 1
    answer.close()
    await eventually(lambda: _idle(pool))


async def test_a_reader_that_leaves_before_the_first_row_stops_the_query_too(
    client: Client, pool: Pool, log: Log
) -> None:
    """A query that finds nothing for long is stopped as well: nothing needs to be written to notice."""
    await log.file(access_event(1))
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("lock table access_log.events in access exclusive mode")
        asked = client.ask("GET", f"{ACCOUNT}/export?format=csv", token="owner-1")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await asked
        await eventually(lambda: _idle(pool))


async def _idle(pool: Pool) -> bool:
    return bool(await pool.fetchval(RUNNING) == 0)


async def test_a_failure_in_the_middle_is_seen(client: Client, pool: Pool, log: Log) -> None:
    """When PostgreSQL fails after rows were sent, the body ends without its last chunk."""
    await log.file(access_event(1))
    await pool.execute(MANY, 120_000)
    answer = await client.ask("GET", f"{ACCOUNT}/export?format=csv", token="owner-1")
    assert answer.status == 200
    await answer.content.readany()
    await pool.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'keyfold audit export' and datname = current_database()"
    )
    with pytest.raises(aiohttp.ClientPayloadError):
        await answer.read()


async def test_an_export_that_takes_too_long_is_cut_off(database: str, pool: Pool, log: Log) -> None:
    """No reader, however slow, keeps a query for longer than is set; it sees that the file is not whole."""
    await log.file(access_event(1))
    await pool.execute(MANY, 120_000)
    async with asking(database, pool, export_time_max_s=1) as client:
        answer = await client.ask("GET", f"{ACCOUNT}/export?format=csv", token="owner-1")
        await answer.content.readany()
        await eventually(lambda: _idle(pool))
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_failure_before_the_first_row_is_a_problem(pool: Pool) -> None:
    """When PostgreSQL is away from the start, the answer says so as any other does."""
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    async with asking(nowhere, pool) as client:
        body = await ask(client, f"{ACCOUNT}/export", {"format": "csv"}, status=503)
    assert body["title"] == "Service Unavailable"


async def test_one_tenant_has_not_all_exports(client: Client, pool: Pool, log: Log) -> None:
    """While a tenant's export is under way it gets no second one here, and another tenant gets its own."""
    await log.file(access_event(1))
    await pool.execute(MANY, 120_000)
    answer = await client.ask("GET", f"{ACCOUNT}/export?format=csv", token="owner-1")
    await answer.content.readany()
    assert (await ask(client, f"{KEY}/export", {"format": "csv"}, status=429))["title"] == "Too Many Requests"
    assert await export(client, VENDOR, {"format": "csv"}, "vendor-1")
    answer.close()
    await eventually(lambda: _may_export(client))


async def _may_export(client: Client) -> bool:
    async with client.ask("GET", f"{KEY}/export?format=csv", token="owner-1") as answer:
        return answer.status == 200
