"""What browsers are told: preflights of listed origins are answered by the gateway, and each header once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keyfold.domain.access.decision import Reason
from tests.support.gatekeeper.practice import BOTH
from tests.support.gateways.running import Gateway
from tests.support.gateways.scene import Scene
from tests.support.gateways.wire import Pairs, Response, send

KEYS = list(BOTH.items())
ORIGIN = "https://console.example.org"
ASKED = [
    ("Access-Control-Request-Method", "GET"),
    ("Access-Control-Request-Headers", "a-api-key,content-type,x-api-key"),
]
PREFLIGHT = [("Origin", ORIGIN), *ASKED]
UNLISTED = [
    "null",
    "https://console.example.org.evil.example",
    "https://evil-console.example.org",
    "https://consoleXexample.org",
    "http://console.example.org",
    "https://console.example.org:8443",
    f"{ORIGIN}, https://evil.example",
    f"https://evil.example, {ORIGIN}",
]
OWN = (
    ("Access-Control-Allow-Origin", "https://own.example"),
    ("Access-Control-Expose-Headers", "X-Total"),
    ("Vary", "Accept"),
)


@pytest.fixture
def listed_origin() -> str:
    """The origin that gateways are told of."""
    return ORIGIN


@pytest.fixture
def own_headers(scene: Scene) -> Iterator[None]:
    """Let the API set CORS headers of its own."""
    with scene.upstream.sending(OWN):
        yield


def list_items(response: Response, header: str) -> set[str]:
    """Return the items of a header that is a list, over all its lines, in lower case."""
    return {item.strip().lower() for value in response.values(header) for item in value.split(",")}


async def test_preflight_is_denied(scene: Scene, gateway: Gateway) -> None:
    """A preflight has no keys, and is denied like every request without them, unless a setting says else."""
    before = len(scene.upstream.got)
    response = await send(gateway.port, "OPTIONS", "/v1/patient", PREFLIGHT)
    assert (response.status, response.values("X-Keyfold-Reason")) == (401, [Reason.MISSING_VENDOR_KEY])
    assert not [known for known, _ in response.headers if known.startswith("access-control-")]
    assert len(scene.upstream.got) == before


async def test_preflight_of_a_listed_origin(scene: Scene, cors_gateway: Gateway) -> None:
    """A gateway that is told an origin answers its preflights itself, for every header that is asked for."""
    before = len(scene.upstream.got)
    answered = await send(cors_gateway.port, "OPTIONS", "/v1/patient", PREFLIGHT)
    assert answered.status in {200, 204}
    assert answered.values("Access-Control-Allow-Origin") == [ORIGIN]
    assert list_items(answered, "Access-Control-Allow-Headers") >= {"x-api-key", "a-api-key", "content-type"}
    assert list_items(answered, "Access-Control-Allow-Methods") >= {"get", "put", "patch", "delete"}
    assert list_items(answered, "Vary") == {"origin"}
    assert len(scene.upstream.got) == before


async def test_whatever_else_is_decided(scene: Scene, cors_gateway: Gateway) -> None:
    """Another origin's preflight, none's, and an OPTIONS that is no preflight are decided as they are."""
    before = len(scene.upstream.got)
    others: list[Pairs] = [[("Origin", origin), *ASKED] for origin in UNLISTED]
    for each in (*others, ASKED, PREFLIGHT[:1], []):
        response = await send(cors_gateway.port, "OPTIONS", "/v1/patient", each)
        assert (response.status, response.values("X-Keyfold-Reason")) == (401, [Reason.MISSING_VENDOR_KEY])
        assert response.values("Access-Control-Allow-Origin") == ([ORIGIN] if each == PREFLIGHT[:1] else [])
        assert "origin" in list_items(response, "Vary")
    assert len(scene.upstream.got) == before
    passed = await send(cors_gateway.port, "OPTIONS", "/v1/patient", [*KEYS, *PREFLIGHT[:1]])
    assert (passed.status, scene.upstream.got[-1].method) == (200, "OPTIONS")


async def test_denials_can_be_read(cors_gateway: Gateway) -> None:
    """A listed origin's scripts can read that they were denied, and why."""
    for target, headers, status in (("/v1/patient", [], 401), ("/v1/note", KEYS, 403)):
        denied = await send(cors_gateway.port, "GET", target, [*headers, *PREFLIGHT[:1]])
        assert (denied.status, denied.values("Access-Control-Allow-Origin")) == (status, [ORIGIN])
        assert list_items(denied, "Access-Control-Expose-Headers") >= {
            "x-keyfold-reason",
            "x-keyfold-decision",
        }
        assert "origin" in list_items(denied, "Vary")


@pytest.mark.usefixtures("own_headers")
async def test_the_api_has_headers_of_its_own(cors_gateway: Gateway) -> None:
    """A listed origin is told once that it may read, and all that is exposed; others what the API says."""
    for origin, told in ((ORIGIN, [ORIGIN]), (UNLISTED[1], ["https://own.example"])):
        passed = await send(cors_gateway.port, "GET", "/v1/patient", [*KEYS, ("Origin", origin)])
        assert (passed.status, passed.values("Access-Control-Allow-Origin")) == (200, told)
        assert list_items(passed, "Access-Control-Expose-Headers") >= {"x-total"}
        assert list_items(passed, "Vary") == {"accept", "origin"}
    none = await send(cors_gateway.port, "GET", "/v1/patient", KEYS)
    assert list_items(none, "Vary") == {"accept", "origin"}
