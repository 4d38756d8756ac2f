"""Public routes: allowed before any key is looked at, recorded, and naming nobody."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from keyfold.domain.access.decision import PUBLIC, AccessRequest, Reason, decide_access
from keyfold.domain.access.event_explanation import explain_event
from keyfold.domain.access.key_proof import MALFORMED
from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.gatekeeper.authz.request.headers import Fields
from tests.support.gatekeeper.flooded import MANY, PER_S, decision_id_of, read_shipped, run_flooded
from tests.support.gatekeeper.heart import (
    KEYS,
    NOW,
    POLICY,
    STALENESS_MAX_S,
    TOKEN,
    heart_in,
    reason_of,
    with_fields,
)
from tests.support.gatekeeper.practice import KEY, REVOKED_KEY, VENDOR_KEY

ROUTES = parse_route_map("/v1/patient/** patient\n/health/deep system\nGET /health/** public\n")
OPEN = dataclasses.replace(POLICY, route_map=ROUTES)
NO_KEYS: Fields = {"x-gateway-token": [TOKEN]}
UP = "/authz/health/up"
NOBODY = ("X-Keyfold-Account", "X-Keyfold-Key", "X-Keyfold-Vendor", "X-Keyfold-Category", "X-Keyfold-Access")


@pytest.mark.parametrize(
    "fields",
    [
        NO_KEYS,
        KEYS,
        with_fields(a_api_key=["no key"]),
        with_fields(a_api_key=[REVOKED_KEY.secret]),
        {**NO_KEYS, "authorization": [f"Keyfold {VENDOR_KEY.secret}/{KEY.secret}"]},
    ],
    ids=["none", "both", "malformed", "revoked", "authorization"],
)
async def test_keys_make_no_difference(tmp_path: Path, fields: Fields) -> None:
    """Whatever keys come, the answer names nobody, in headers that are there; keys are removed as ever."""
    with heart_in(tmp_path, policy=OPEN) as heart:
        answer = await heart.answer("GET", UP, fields)
        (event,) = heart.records()
    assert (answer.status, answer.body) == (200, b"")
    assert [answer.headers[name] for name in NOBODY] == [""] * len(NOBODY)
    assert answer.headers["X-Keyfold-Decision"] == event.event_id
    removed = answer.headers["x-envoy-auth-headers-to-remove"].split(",")
    assert removed == ["x-api-key", "A-api-key", *(["authorization"] if "authorization" in fields else [])]
    assert event.is_public
    assert (event.account_id, event.key_id, event.vendor_id, event.vendor_key_id) == (None,) * 4
    assert (event.category, event.access, event.reason, event.path) == (None, None, None, "/health/up")
    assert explain_event(event).sentence == "Allowed: the route is public, so no key was looked at."


@pytest.mark.parametrize(
    ("method", "target", "reason"),
    [
        ("POST", UP, Reason.MISSING_VENDOR_KEY),
        ("GET", "/authz/health/deep", Reason.MISSING_VENDOR_KEY),
        ("GET", "/authz/Health/up", Reason.MISSING_VENDOR_KEY),
        ("GET", "/authz/health/%64eep", Reason.MISSING_VENDOR_KEY),
        ("GET", "/authz/health/../v1/patient", Reason.MISSING_VENDOR_KEY),
        ("GET", "/authz/health/up?_method=PUT", Reason.MISSING_VENDOR_KEY),
    ],
)
async def test_nothing_else_is_public(tmp_path: Path, method: str, target: str, reason: Reason) -> None:
    """Another method, another line, or another reading: keys are wanted as ever."""
    with heart_in(tmp_path, policy=OPEN) as heart:
        assert reason_of(await heart.answer(method, target, NO_KEYS)) == reason
        assert (await heart.answer(method, target)).status == 403


async def test_an_override_in_a_header_is_not_public(tmp_path: Path) -> None:
    """A request that overrides itself is not known for certain, so it is not one for a public route."""
    with heart_in(tmp_path, policy=OPEN) as heart:
        overridden = {**KEYS, "x-http-method-override": ["DELETE"]}
        assert reason_of(await heart.answer("GET", UP, overridden)) == Reason.AMBIGUOUS_REQUEST


async def test_no_state_and_no_lease_are_needed(tmp_path: Path) -> None:
    """No revocation can close a public route, so a gatekeeper that may be out of date opens it too."""
    with heart_in(tmp_path, policy=OPEN) as heart:
        heart.clock.seconds += 2 * STALENESS_MAX_S
        assert reason_of(await heart.answer()) == Reason.STALE
        assert (await heart.answer("GET", UP)).status == 200
    request = AccessRequest(None, MALFORMED, "GET", "/health/up", None)
    assert decide_access(request, None, ROUTES, NOW, lease_held=False) is PUBLIC


async def test_a_flood_is_counted(tmp_path: Path) -> None:
    """Beyond the rate public requests share an event, as requests without a key do, and none is lost."""
    with run_flooded(tmp_path, policy=OPEN) as bed:
        waiting = [bed.ask(NO_KEYS, target=UP) for _ in range(MANY)]
        await asyncio.sleep(0)
        assert [each.answers[0].status for each in waiting] == [200] * MANY
        bed.second()
    events = read_shipped(tmp_path)
    assert [event.requests for event in events] == [1] * PER_S + [MANY - PER_S]
    assert Counter(map(decision_id_of, waiting)) == {event.event_id: event.requests for event in events}
    counted = events[-1]
    assert (counted.is_public, counted.path, counted.method) == (True, "/**", "*")
    assert explain_event(counted).sentence.startswith(f"Allowed {MANY - PER_S} times within a second:")


async def test_a_journal_that_refuses_refuses_it_too(tmp_path: Path) -> None:
    """What cannot be recorded does not pass, public or not."""
    with run_flooded(tmp_path, policy=OPEN) as bed:
        bed.fate.journal_refuses = bed.fate.file_refuses = True
        waiting = bed.ask(NO_KEYS, target=UP)
        await asyncio.sleep(0)
        assert [reason_of(answer) for answer in waiting.answers] == ["journal_unavailable"]
