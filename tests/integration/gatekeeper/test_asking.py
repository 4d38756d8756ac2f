"""A running gatekeeper's other queries agree with its decisions and leave no trace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from keyfold.wire.keys.format import MintedKey
from tests.support.gatekeeper.practice import (
    EXPIRED_KEY,
    KEY,
    NAMED_KEY,
    NETWORKED_KEY,
    OTHER_VENDOR_KEY,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    SHUT_KEY,
    SUSPENDED_VENDOR_KEY,
    UNKNOWN_KEY,
    UNKNOWN_VENDOR_KEY,
    VENDOR_KEY,
    practice,
)
from tests.support.gatekeeper.world import CADDY_TOKEN, Gatekeeper, World

VENDOR_KEYS = (
    VENDOR_KEY,
    OTHER_VENDOR_KEY,
    SUSPENDED_VENDOR_KEY,
    REVOKED_VENDOR_KEY,
    UNKNOWN_VENDOR_KEY,
)
KEYS = (KEY, REVOKED_KEY, EXPIRED_KEY, SHUT_KEY, NAMED_KEY, NETWORKED_KEY, UNKNOWN_KEY)
REQUESTS = (
    ("GET", "/v1/patient/7"),
    ("PUT", "/v1/appointment/7"),
    ("GET", "/v1/invoice"),
    ("GET", "/v9"),
    ("GET", "/v1/../x"),
)


async def ask(gatekeeper: Gatekeeper, path: str, body: object, role: str = "operator") -> Any:
    """Return the answer to a question as one of the roles."""
    headers = {"Authorization": f"Bearer {gatekeeper.token(role)}"}
    async with gatekeeper.session.post(gatekeeper.url + path, json=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        return await response.json()


def pair(vendor_key: MintedKey, key: MintedKey) -> Mapping[str, str]:
    """Return both keys as headers."""
    return {"x-api-key": vendor_key.secret, "A-api-key": key.secret}


async def test_a_dry_run_is_what_the_request_would_get(gatekeeper: Gatekeeper) -> None:
    """For every pair of keys, on every kind of path, a dry run by id agrees with the real request."""
    cases = [(vendor, key, *what) for vendor in VENDOR_KEYS for key in KEYS for what in REQUESTS]
    questions = [
        {"subscriber_key_id": key.key_id, "vendor_key_id": vendor.key_id, "method": method, "path": path}
        for vendor, key, method, path in cases
    ]
    before = len(gatekeeper.journal())
    dry = await ask(gatekeeper, "/v1/decide/batch", {"questions": questions})
    assert len(gatekeeper.journal()) == before
    for (vendor, key, method, path), answer in zip(cases, dry["items"], strict=True):
        real = await gatekeeper.ask(method, path, pair(vendor, key))
        assert (answer["reason"], answer["status"]) == (real.reason, real.status), (answer, path)
    assert len({answer["reason"] for answer in dry["items"]}) == 13


async def test_an_introspection_agrees_and_leaves_no_access_event(gatekeeper: Gatekeeper) -> None:
    """A pair of keys is active exactly if something could be allowed to it; no event is written."""
    before = len(gatekeeper.journal())
    active = set()
    for vendor in VENDOR_KEYS:
        for key in KEYS:
            form = {"token": f"{vendor.secret}/{key.secret}"}
            headers = {"X-Gateway-Token": CADDY_TOKEN}
            url = f"{gatekeeper.url}/v1/introspect"
            async with gatekeeper.session.post(url, data=form, headers=headers) as response:
                assert response.status == 200
                answer = await response.json()
            if answer["active"]:
                active.add((vendor.key_id, key.key_id))
            else:
                assert answer == {"active": False}
    assert active == {
        (VENDOR_KEY.key_id, KEY.key_id),
        (OTHER_VENDOR_KEY.key_id, KEY.key_id),
        (OTHER_VENDOR_KEY.key_id, NAMED_KEY.key_id),
    }
    assert len(gatekeeper.journal()) == before
    logged = str(gatekeeper.log())
    assert "/v1/introspect" in logged
    assert all(each.secret[25:] not in logged for each in (*VENDOR_KEYS, *KEYS))


@pytest.fixture
def new_routes(tmp_path: Path) -> Path:
    """A new map: it reads patients as clinical data, and lacks invoices."""
    path = tmp_path / "new.routes"
    path.write_text("/v1/patient/** clinical\n/v1/appointment/** appointment\n")
    return path


async def test_a_shadow_tells_what_would_change_and_changes_nothing(world: World, new_routes: Path) -> None:
    """Answers come from the map in force; differences of the new one are shown and counted."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper(SHADOW_ROUTE_MAP=str(new_routes)) as gatekeeper:
        for number in range(3):
            answer = await gatekeeper.ask("GET", f"/v1/patient/{number}", pair(VENDOR_KEY, KEY))
            assert (answer.status, answer.headers["X-Keyfold-Category"]) == (200, "patient")
        await gatekeeper.ask("GET", "/v1/appointment/7", pair(VENDOR_KEY, KEY))
        await gatekeeper.ask("GET", "/v1/patient/7", pair(VENDOR_KEY, UNKNOWN_KEY))
        status, shadow = await gatekeeper.get("/v1/shadow", gatekeeper.token("operator"))
        async with gatekeeper.session.get(f"{gatekeeper.url}/metrics") as response:
            metrics = await response.text()
    assert (status, shadow["running"], shadow["compared"]) == (200, True, 4)
    assert isinstance(shadow["items"], list)
    (difference,) = shadow["items"]
    assert (difference["becomes"], difference["count"]) == ("allow_to_deny", 3)
    assert (difference["old"]["category"], difference["new"]["category"]) == ("patient", "clinical")
    assert 'keyfold_shadow_differences_total{difference="allow_to_deny"} 3.0' in metrics
