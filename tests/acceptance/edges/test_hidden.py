"""What a caller may not know: in every way of asking, the answer is the one for what never existed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import orjson
import pytest

from keyfold.local.signing import Claims
from tests.support.stack.access_scenes import NO_SUCH, Scenes
from tests.support.stack.access_table import ROWS
from tests.support.stack.world import REVIEWER, Answer, Practice, VendorWithKey, World

NEVER: Final[dict[str, str]] = {
    **NO_SUCH,
    **dict.fromkeys(("applied", "rejected", "suspended", "vendor"), NO_SUCH["vendor_id"]),
    **dict.fromkeys(("suspended_key", "vendor_key"), NO_SUCH["key_id"]),
}
HIDDEN_VENDORS: Final = ("applied", "rejected", "suspended")
OWN: Final = "own"
"""In a template: the id of the caller's own thing."""
_DRY_RUN: Final = {"subscriber_key_id": "{own_key_id}", "method": "GET", "path": "/v1/patient/7"}
_AT: Final = "2027-01-31T12:00:00Z"
_MOVING: Final = re.compile(rb'"(position|at|request_id|lag_s)":("[^"]*"|[0-9.]+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A request that names a thing by its id: `{thing}` in the target, in the body or in the headers."""

    service: str
    method: str
    target: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


def _ask(target: str, service: str = "registry") -> Way:
    return Way(service=service, method="GET", target=target)


def _dry_runs(**named: str) -> tuple[Way, ...]:
    question = {**_DRY_RUN, "at": _AT, **named}
    by_category = {**question, "category": "patient", "access": "read"}
    del by_category["method"], by_category["path"]
    return (
        Way(service="gatekeeper", method="POST", target="/v1/decide", body=question),
        Way(service="gatekeeper", method="POST", target="/v1/decide", body=by_category),
        Way(
            service="gatekeeper",
            method="POST",
            target="/v1/decide/batch",
            body={"questions": [question, by_category]},
        ),
    )


def _filters(name: str, thing: str, path: str) -> tuple[Way, ...]:
    queries = ("?", "/export?format=csv&", "/export?format=ndjson&", "/summary?bucket=day&", "/stream?")
    kinds = queries[:3] + queries[4:] if name == "decision_id" else queries
    return tuple(_ask(f"{path}/activity{query}{name}={{{thing}}}", "audit") for query in kinds)


def _conditional(way: Way) -> tuple[Way, ...]:
    """Return the request with and without each condition, key and preference that a command takes."""
    conditions = (("If-Match", '"1"'), ("If-Match", '"7"'), ("If-None-Match", "*"), ("Prefer", "wait=0"))
    return tuple(
        Way(service=way.service, method=way.method, target=way.target, body=way.body, headers=each)
        for each in ((), *((condition,) for condition in conditions))
    )


def _of_vendors(thing: str) -> tuple[Way, ...]:
    create = {"name": "x", "permissions": {"patient": "read"}, "vendor_ids": [f"{{{thing}}}"]}
    return (
        *_conditional(_ask(f"/v1/vendors/{{{thing}}}")),
        _ask(f"/v1/vendors/{{{thing}}}/history"),
        _ask(f"/v1/invitations?vendor_id={{{thing}}}"),
        *_conditional(
            Way(service="registry", method="POST", target="/v1/accounts/{own_account_id}/keys", body=create)
        ),
        *_conditional(
            Way(
                service="registry",
                method="PATCH",
                target="/v1/accounts/{own_account_id}/keys/{own_key_id}",
                body={"vendor_ids": [f"{{{thing}}}"]},
            )
        ),
        Way(service="registry", method="POST", target="/v1/invitations", body={"vendor_id": f"{{{thing}}}"}),
        *_dry_runs(vendor_id=f"{{{thing}}}"),
        *_filters("vendor_id", thing, "/v1/accounts/{own_account_id}"),
    )


def _of_keys(thing: str) -> tuple[Way, ...]:
    """Return what an owner can ask about a key that is not its own, on its own path."""
    one = f"/v1/accounts/{{own_account_id}}/keys/{{{thing}}}"
    revoke = Way(
        service="registry",
        method="POST",
        target="/v1/accounts/{own_account_id}/keys/revoke",
        body={"key_ids": [f"{{{thing}}}"]},
    )
    return (
        *_conditional(_ask(one)),
        *(_ask(f"{one}/{rest}") for rest in ("history", "history?type=subscriber_key.created")),
        _ask(f"{one}/unused-permissions"),
        *_conditional(Way(service="registry", method="PATCH", target=one, body={"name": "x"})),
        *_conditional(Way(service="registry", method="PATCH", target=one, body={"expires_at": None})),
        *_conditional(Way(service="registry", method="POST", target=f"{one}/rotate", body={"overlap_s": 0})),
        *_conditional(Way(service="registry", method="DELETE", target=one)),
        revoke,
        *_dry_runs(subscriber_key_id=f"{{{thing}}}", vendor_id="{own_vendor_id}"),
        *_filters("key_id", thing, "/v1/accounts/{own_account_id}"),
    )


_OF_OWNERS: Final[dict[str, tuple[Way, ...]]] = {
    **{each: _of_vendors(each) for each in HIDDEN_VENDORS},
    "suspended_key": (*_dry_runs(vendor_key_id="{suspended_key}"), *_of_keys("suspended_key")),
    "vendor_key": _of_keys("vendor_key"),
    "key_id": _of_keys("key_id"),
    "account_id": (
        *_conditional(_ask("/v1/accounts/{account_id}")),
        _ask("/v1/invitations?account_id={account_id}"),
        Way(service="registry", method="POST", target="/v1/invitations", body={"account_id": "{account_id}"}),
        *(_ask(f"/v1/accounts/{{account_id}}/{rest}") for rest in ("keys", "history", "logins")),
        _ask("/v1/accounts/{account_id}/activity?key_id={own_key_id}", "audit"),
    ),
    "invitation_id": _conditional(
        Way(service="registry", method="DELETE", target="/v1/invitations/{invitation_id}")
    ),
    "login_id": _conditional(
        Way(service="registry", method="DELETE", target="/v1/accounts/{own_account_id}/logins/{login_id}")
    ),
    "decision_id": (
        _ask("/v1/decisions/{decision_id}", "audit"),
        *_filters("decision_id", "decision_id", "/v1/accounts/{own_account_id}"),
    ),
}
_OF_VENDORS: Final[dict[str, tuple[Way, ...]]] = {
    "vendor": (
        *_conditional(_ask("/v1/vendors/{vendor}")),
        *(_ask(f"/v1/vendors/{{vendor}}/{rest}") for rest in ("history", "keys", "logins")),
        _ask("/v1/vendors/{vendor}/activity", "audit"),
        _ask("/v1/invitations?vendor_id={vendor}"),
        *_conditional(
            Way(service="registry", method="PATCH", target="/v1/vendors/{vendor}", body={"name": "x"})
        ),
        Way(service="registry", method="POST", target="/v1/invitations", body={"vendor_id": "{vendor}"}),
        *_filters("vendor_id", "vendor", "/v1/vendors/{own_vendor_id}"),
    ),
    "vendor_key": tuple(
        each
        for method, rest, body in (("DELETE", "", None), ("POST", "/rotate", {"overlap_s": 0}))
        for each in _conditional(
            Way(
                service="registry",
                method=method,
                target="/v1/vendors/{own_vendor_id}/keys/{vendor_key}" + rest,
                body=body,
            )
        )
    ),
    "key_id": (
        *_conditional(
            Way(service="registry", method="DELETE", target="/v1/vendors/{own_vendor_id}/keys/{key_id}")
        ),
        *_filters("key_id", "key_id", "/v1/vendors/{own_vendor_id}"),
    ),
    "account_id": (
        _ask("/v1/invitations?account_id={account_id}"),
        Way(service="registry", method="POST", target="/v1/invitations", body={"account_id": "{account_id}"}),
    ),
    "invitation_id": _conditional(
        Way(service="registry", method="DELETE", target="/v1/invitations/{invitation_id}")
    ),
    "login_id": _conditional(
        Way(service="registry", method="DELETE", target="/v1/vendors/{own_vendor_id}/logins/{login_id}")
    ),
    "decision_id": (
        _ask("/v1/decisions/{decision_id}", "audit"),
        *_filters("decision_id", "decision_id", "/v1/vendors/{own_vendor_id}"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Who asks, and the ids of what is theirs and of what is another tenant's."""

    owner: Claims
    vendor: Claims
    ids: dict[str, str]


@pytest.fixture(scope="module")
async def elsewhere(world: World, vendor: VendorWithKey) -> Elsewhere:
    """Two tenants of each kind: those who ask, and those whose things are asked about."""
    own, others = await world.practice(vendor), await world.practice(await world.vendor())
    scenes = Scenes(world, others)
    suspended = await world.vendor()
    path = f"/v1/vendors/{suspended.vendor_id}/suspend"
    ids = {
        "account_id": others.account_id,
        "key_id": others.key_id,
        "vendor": others.vendor.vendor_id,
        "vendor_key": others.vendor.key_id,
        "suspended": suspended.vendor_id,
        "suspended_key": suspended.key_id,
        "decision_id": await _decide(world, others),
    }
    for row in ROWS:
        if row.method == "POST" and row.state in ("applied", "rejected") and "{vendor_id}" in row.path:
            ids[row.state] = (await scenes.make(row)).ids["vendor_id"]
        if (row.method, row.path) == ("DELETE", "/v1/invitations/{invitation_id}"):
            ids["invitation_id"] = (await scenes.make(row)).ids["invitation_id"]
        if (row.method, row.path) == ("DELETE", "/v1/accounts/{account_id}/logins/{login_id}"):
            ids["login_id"] = (await scenes.make(row)).ids["login_id"]
    await world.enforced("POST", path, REVIEWER, {"reason": "A leak."})
    return Elsewhere(
        owner=own.owner,
        vendor=Claims(role="vendor", sub="victor", vendor_id=vendor.vendor_id),
        ids={
            **ids,
            "own_account_id": own.account_id,
            "own_key_id": own.key_id,
            "own_vendor_id": vendor.vendor_id,
        },
    )


async def _decide(world: World, practice: Practice) -> str:
    await world.request("GET", "/v1/patient/7", practice.keys)
    (event,) = await world.whole_log(practice)
    return str(event["event_id"])


CASES: Final = [
    *product(("owner",), _OF_OWNERS.items()),
    *product(("vendor",), _OF_VENDORS.items()),
]


@pytest.mark.parametrize(("who", "things"), CASES, ids=[f"{who}-{things[0]}" for who, things in CASES])
async def test_what_is_hidden_is_what_never_existed(
    world: World, elsewhere: Elsewhere, who: str, things: tuple[str, tuple[Way, ...]]
) -> None:
    """Byte for byte but for the id itself: status, headers and body."""
    thing, ways = things
    caller = elsewhere.owner if who == "owner" else elsewhere.vendor
    for way in ways:
        hidden = await _send(world, caller, way, elsewhere.ids)
        never = await _send(world, caller, way, {**elsewhere.ids, thing: NEVER[thing]})
        there, nowhere = _told(hidden, elsewhere.ids[thing]), _told(never, NEVER[thing])
        assert there == nowhere, way


@pytest.mark.parametrize("who", ["owner", "vendor"])
async def test_a_kept_answer_is_its_callers(world: World, elsewhere: Elsewhere, who: str) -> None:
    """An Idempotency-Key that another tenant's command came with is as new as any."""
    key = (("Idempotency-Key", f"shared-{who}"),)
    other, caller = (elsewhere.owner, elsewhere.vendor)[:: 1 if who == "vendor" else -1]
    bodies = {
        "owner": {"account_id": elsewhere.ids["own_account_id"]},
        "vendor": {"vendor_id": elsewhere.ids["own_vendor_id"]},
    }
    theirs = "owner" if who == "vendor" else "vendor"
    done = await world.ask("registry", "POST", "/v1/invitations", other, bodies[theirs], key)
    assert done.status == 201
    for body, status in ((bodies[theirs], 404), (bodies[who], 201)):
        answer = await world.ask("registry", "POST", "/v1/invitations", caller, body, key)
        assert answer.status == status
        assert "Idempotency-Replayed" not in answer.headers


async def _send(world: World, who: Claims, way: Way, ids: dict[str, str]) -> Answer:
    body = None if way.body is None else orjson.loads(_fill(orjson.dumps(way.body).decode(), ids))
    return await world.ask(way.service, way.method, _fill(way.target, ids), who, body, way.headers)


def _fill(template: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _told(answer: Answer, named: str) -> tuple[int, list[str], bytes]:
    content = _MOVING.sub(b"", answer.content.replace(named.encode(), b"(id)"))
    return answer.status, sorted(answer.headers.keys()), content
