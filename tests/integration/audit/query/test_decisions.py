"""One decision by its id: whole, with why it was so, to whom it concerns and to nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import orjson
import pytest
from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, VendorId
from keyfold.domain.permissions import Access, Category
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import EPOCH, access_event, decided, unattributed
from tests.support.audit.exports import export
from tests.support.audit.log import ACCOUNT, PLACES, VENDOR, Log, ask
from tests.support.audit.read_model import key, serve, vendor
from tests.support.audit.sse import listening
from tests.support.runtime.serving import Client

DENIED: Final = decided(
    1,
    category=Category.CLINICAL,
    access=Access.WRITE,
    reason=Reason.READ_ONLY,
    late=timedelta(milliseconds=3),
)
NOBODYS: Final = replace(unattributed(2, requests=1204), event_id=decided(2).event_id)
OTHERS: Final = decided(3, account_id=AccountId("acc_2"), vendor_id=VendorId("ven_2"))
TOKENS: Final = (
    "owner-1",
    "owner-2",
    "vendor-1",
    "vendor-2",
    "vendor-new",
    "operator",
    "reviewer",
    "gateway",
    None,
)


def path_of(event: AccessEvent) -> str:
    """Return a decision's address."""
    return f"/v1/decisions/{event.event_id}"


async def statuses(client: Client, event: AccessEvent) -> dict[str | None, int]:
    """Return what each caller is answered."""
    return {token: await client.status("GET", path_of(event), token=token) for token in TOKENS}


async def test_a_decision_is_the_lists_item_explained(client: Client, pool: Pool, database: str) -> None:
    """It has all that the list shows of it, and says what to change and who can."""
    await serve(database, vendor("ven_1", "Recalls"), key("acc_1", "key_1", "Front desk"))
    await Log(pool).file(DENIED)
    (item,) = (await ask(client, ACCOUNT))["items"]
    assert item["key_name"] == "Front desk"
    assert await ask(client, path_of(DENIED)) == {
        **item,
        "traceparent": None,
        "explanation": {
            "sentence": "Denied: the subscriber key could only read clinical.",
            "remedy": "Grant write to clinical.",
            "by": "owner",
        },
    }
    (own,) = (await ask(client, VENDOR, token="vendor-1"))["items"]
    seen = await ask(client, path_of(DENIED), token="vendor-1")
    assert (seen["vendor_name"], seen["key_name"]) == (own["vendor_name"], None) == ("Recalls", None)
    assert (await ask(client, path_of(DENIED), token="operator"))["key_name"] == "Front desk"


async def test_whom_a_decision_concerns(client: Client, pool: Pool) -> None:
    """Its account's owner, its vendor and operators; to other tenants it does not exist."""
    await Log(pool).file(DENIED, NOBODYS, OTHERS)
    staff: dict[str | None, int] = {"operator": 200, "reviewer": 403, "gateway": 403, None: 401}
    tenants: dict[str | None, int] = dict.fromkeys(TOKENS[:5], 404)
    assert await statuses(client, DENIED) == {**tenants, **staff, "owner-1": 200, "vendor-1": 200}
    assert await statuses(client, OTHERS) == {**tenants, **staff, "owner-2": 200, "vendor-2": 200}
    assert await statuses(client, NOBODYS) == {**tenants, **staff}


async def test_one_that_many_share_says_so(client: Client, pool: Pool) -> None:
    """The id that each of many denials was answered with leads to the event that is the record of all."""
    await Log(pool).file(NOBODYS)
    found = await ask(client, path_of(NOBODYS), token="operator")
    assert found["requests"] == 1204
    assert found["explanation"]["sentence"].startswith("Denied 1,204 times within a second: ")


@pytest.mark.parametrize("late_s", [-59, -1.5, 0, 0.999, 30, 59])
async def test_an_id_need_not_be_made_just_then(client: Client, pool: Pool, late_s: float) -> None:
    """It is found although its process was held up between the decision and the id, or its clock was set."""
    event = decided(1, late=timedelta(seconds=late_s))
    await Log(pool).file(event, *(access_event(n) for n in range(2, 9)))
    assert (await ask(client, path_of(event)))["event_id"] == event.event_id


@pytest.mark.parametrize(
    "decision_id",
    [
        decided(9).event_id,
        access_event(1).event_id,
        "ffffffff-ffff-7fff-bfff-ffffffffffff",
        "0195f000",
        "%20",
        "%C3%BC" * 200,
    ],
)
async def test_what_is_no_decision_is_not_found(client: Client, pool: Pool, decision_id: str) -> None:
    """An id that was never made, one that holds no time, and what is no id at all are 404."""
    await Log(pool).file(access_event(1))
    assert await client.status("GET", f"/v1/decisions/{decision_id}", token="owner-1") == 404


async def test_what_is_too_old_is_not_found(client: Client, pool: Pool) -> None:
    """Nobody sees a decision that is older than 90 days, also while its row is still there."""
    events = [decided(n, at=EPOCH - timedelta(days=90, microseconds=-off)) for n, off in ((1, -1), (2, 0))]
    await Log(pool).file(*events)
    assert [await client.status("GET", path_of(each), token="owner-1") for each in events] == [404, 200]


async def test_a_decision_is_a_condition(client: Client, pool: Pool) -> None:
    """Lists, files and streams can be narrowed to one decision, to which nobody sees more than without."""
    log = Log(pool)
    asked = {"decision_id": DENIED.event_id}
    async with listening(client, ACCOUNT, asked) as listener:
        await log.file(DENIED, decided(4), OTHERS, NOBODYS)
        assert [item["event_id"] for item in await listener.next(1)] == [DENIED.event_id]
    for path, token in PLACES[:3]:
        items = (await ask(client, path, asked, token=token))["items"]
        assert [item["event_id"] for item in items] == [DENIED.event_id]
        ndjson = await export(client, path, {"format": "ndjson", **asked}, token)
        assert [orjson.loads(line) for line in ndjson.splitlines()] == items
        assert (await ask(client, path, {"decision_id": OTHERS.event_id}, token=token))["items"] == []
    assert (await ask(client, ACCOUNT, {"decision_id": access_event(1).event_id}))["items"] == []
    await ask(client, ACCOUNT, {"decision_id": "7"}, status=400)
    await ask(client, f"{ACCOUNT}/summary", {"bucket": "day", **asked}, status=400)
