"""Every reason of a decision, through every gateway: what the client gets, and that the API hears nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from keyfold.domain.access.decision import Reason
from keyfold.gatekeeper.reasons import STATUSES
from tests.support.gatekeeper.practice import (
    EXPIRED_KEY,
    KEY,
    NAMED_KEY,
    NETWORKED_KEY,
    REPLACED_KEY,
    REPLACED_VENDOR_KEY,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    SHUT_KEY,
    SUSPENDED_VENDOR_KEY,
    UNKNOWN_KEY,
    UNKNOWN_VENDOR_KEY,
    VENDOR_KEY,
)
from tests.support.gateways.matrix import cell
from tests.support.gateways.running import Gateway
from tests.support.gateways.scene import LIMITED_KEY, Scene
from tests.support.gateways.wire import Pairs, Response, send

JOURNAL_UNAVAILABLE, UNKNOWN_GATEWAY = "journal_unavailable", "unknown_gateway"


def keys(vendor: str | None = VENDOR_KEY.secret, subscriber: str | None = KEY.secret) -> Pairs:
    """Return the headers that carry these keys."""
    given = (("x-api-key", vendor), ("A-api-key", subscriber))
    return [(name, value) for name, value in given if value is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that is refused, of the gatekeeper behind the port that `authz_port` names."""

    headers: Pairs = tuple(keys())
    method: str = "GET"
    target: str = "/v1/patient/7?from=2026"
    authz_port: Callable[[Scene], int] = lambda scene: scene.gatekeepers.well.authz_port


CASES: Mapping[str, Asked] = {
    Reason.MISSING_VENDOR_KEY: Asked(headers=keys(vendor=None)),
    Reason.MISSING_SUBSCRIBER_KEY: Asked(headers=keys(subscriber=None)),
    Reason.MALFORMED_KEY: Asked(headers=keys(KEY.secret, VENDOR_KEY.secret)),
    Reason.UNKNOWN_VENDOR_KEY: Asked(headers=keys(vendor=UNKNOWN_VENDOR_KEY.secret)),
    Reason.UNKNOWN_SUBSCRIBER_KEY: Asked(headers=keys(subscriber=UNKNOWN_KEY.secret)),
    Reason.VENDOR_KEY_REPLACED: Asked(headers=keys(vendor=REPLACED_VENDOR_KEY.secret)),
    Reason.SUBSCRIBER_KEY_REPLACED: Asked(headers=keys(subscriber=REPLACED_KEY.secret)),
    Reason.VENDOR_KEY_REVOKED: Asked(headers=keys(vendor=REVOKED_VENDOR_KEY.secret)),
    Reason.VENDOR_SUSPENDED: Asked(headers=keys(vendor=SUSPENDED_VENDOR_KEY.secret)),
    Reason.SUBSCRIBER_KEY_REVOKED: Asked(headers=keys(subscriber=REVOKED_KEY.secret)),
    Reason.SUBSCRIBER_KEY_EXPIRED: Asked(headers=keys(subscriber=EXPIRED_KEY.secret)),
    Reason.NETWORK_NOT_ALLOWED: Asked(
        headers=[*keys(subscriber=NETWORKED_KEY.secret), ("X-Forwarded-For", "203.0.113.9")]
    ),
    Reason.INTEGRATIONS_DISABLED: Asked(headers=keys(subscriber=SHUT_KEY.secret)),
    Reason.VENDOR_NOT_PERMITTED: Asked(headers=keys(subscriber=NAMED_KEY.secret)),
    Reason.AMBIGUOUS_REQUEST: Asked(target="/v1/note/..%2Fpatient"),
    Reason.UNMAPPED_ROUTE: Asked(target="/v1/payroll"),
    Reason.CATEGORY_DENIED: Asked(target="/v1/note"),
    Reason.READ_ONLY: Asked(method="POST", target="/v1/appointment"),
    Reason.STALE: Asked(authz_port=lambda scene: scene.gatekeepers.stale.authz_port),
    Reason.RATE_LIMITED: Asked(headers=keys(subscriber=LIMITED_KEY.secret)),
    JOURNAL_UNAVAILABLE: Asked(authz_port=lambda scene: scene.gatekeepers.full.authz_port),
    UNKNOWN_GATEWAY: Asked(authz_port=lambda scene: scene.gatekeepers.strange.authz_port),
}


def status(row: str) -> int:
    """Return the status that a client gets."""
    if row == JOURNAL_UNAVAILABLE:
        return 503
    return 401 if row == UNKNOWN_GATEWAY else STATUSES[Reason(row)]


def is_silent(gateway: Gateway, row: str) -> bool:
    """Tell whether the gateway keeps the reason to itself."""
    return gateway.name == "envoy" and status(row) == 503


def test_every_reason() -> None:
    """No reason is forgotten."""
    assert set(CASES) == {*Reason, JOURNAL_UNAVAILABLE, UNKNOWN_GATEWAY}


@pytest.mark.parametrize("row", CASES)
async def test_refusal(
    scene: Scene, gateway: Gateway, row: str, record_property: Callable[[str, object], None]
) -> None:
    """A client gets the reason's status, the reason in header and problem, and the API gets nothing."""
    asked = CASES[row]
    await scene.switchboard.connect(asked.authz_port(scene))
    if row == Reason.RATE_LIMITED:
        await send(gateway.port, asked.method, asked.target, asked.headers)
    before = len(scene.upstream.got)

    response = await send(gateway.port, asked.method, asked.target, asked.headers)

    record_property(*cell(gateway.name, row, response))
    assert response.status == status(row)
    assert len(scene.upstream.got) == before
    assert_explained(response, row, is_silent=is_silent(gateway, row))


def assert_explained(response: Response, row: str, *, is_silent: bool) -> None:
    """Check that the client is told why, in header and problem, unless the gateway cannot tell."""
    told = [] if is_silent or row == UNKNOWN_GATEWAY else [row]
    assert response.values("X-Keyfold-Reason") == told
    assert len(response.values("X-Keyfold-Decision")) == (told != [] and row != JOURNAL_UNAVAILABLE)
    assert bool(response.values("WWW-Authenticate")) == (response.status == 401)
    assert bool(response.values("Retry-After")) == (response.status in {429, 503})
    assert response.values("Cache-Control") == ["no-store"]
    problem = response.problem
    assert problem is not None
    reason = "gatekeeper_unavailable" if is_silent else row
    assert (problem["status"], problem["reason"]) == (response.status, reason)


async def test_rate_limit_headers(scene: Scene, gateway: Gateway) -> None:
    """A client that is limited learns what its limit is."""
    headers = keys(subscriber=LIMITED_KEY.secret)
    await send(gateway.port, "GET", "/v1/patient", headers)
    response = await send(gateway.port, "GET", "/v1/patient", headers)
    assert response.status == 429
    assert response.values("RateLimit-Policy") == ['"key";q=1;w=3600;keyfold-burst=1']
    assert len(response.values("RateLimit")) == 1
