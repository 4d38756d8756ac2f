"""Public routes through every gateway: no key is needed, and a client can pass for nobody."""

from __future__ import annotations

import pytest

from keyfold.domain.access.decision import Reason
from tests.support.gatekeeper.practice import BOTH
from tests.support.gateways.running import Gateway
from tests.support.gateways.scene import Scene
from tests.support.gateways.upstream import IDENTITY, read_echo
from tests.support.gateways.wire import Pairs, send

UP = "/v1/health"
NOBODY = IDENTITY[:5]


@pytest.mark.parametrize("keys", [[], list(BOTH.items())], ids=["no keys", "keys"])
async def test_a_public_route(scene: Scene, gateway: Gateway, keys: Pairs) -> None:
    """It reaches the API without a key; of who asks, the API gets nothing that a client sent."""
    spoofed = [(name, "spoofed") for name in IDENTITY]
    got = read_echo(await send(gateway.port, "GET", UP, [*spoofed, *keys]))
    assert [value for name in NOBODY for value in got.values(name) if value] == []
    assert "spoofed" not in [value for _, value in got.headers]
    assert not {name for name, _ in got.headers} & {name.lower() for name in BOTH}
    (decision,) = got.values("X-Keyfold-Decision")
    (record,) = [each for each in scene.gatekeepers.well.journal() if each.event_id == decision]
    assert record.is_public


async def test_a_public_route_of_a_stale_gatekeeper(scene: Scene, gateway: Gateway) -> None:
    """It depends on no key, so a gatekeeper that knows nothing of keys lets it through too."""
    await scene.switchboard.connect(scene.gatekeepers.stale.authz_port)
    assert (await send(gateway.port, "GET", UP)).status == 200
    assert (await send(gateway.port, "GET", "/v1/patient", list(BOTH.items()))).status == 503
    await scene.set_right()


@pytest.mark.parametrize(
    ("method", "target"), [("POST", UP), ("GET", "/v1/Health"), ("GET", f"{UP}/"), ("GET", f"{UP}.json")]
)
async def test_what_is_nearly_public(scene: Scene, gateway: Gateway, method: str, target: str) -> None:
    """Another method or another spelling wants keys as ever."""
    before = len(scene.upstream.got)
    response = await send(gateway.port, method, target, [("Content-Length", "0")])
    assert (response.status, response.values("X-Keyfold-Reason")) == (401, [Reason.MISSING_VENDOR_KEY])
    assert len(scene.upstream.got) == before


@pytest.mark.parametrize("patient", ["Anna%20Gro%C3%9F", "%E6%97%A5%E6%9C%AC", "report.pdf"])
async def test_a_name_of_any_letters(gateway: Gateway, patient: str) -> None:
    """Spaces and letters beyond ASCII, properly encoded, arrive as they were sent."""
    got = read_echo(await send(gateway.port, "GET", f"/v1/patient/{patient}", list(BOTH.items())))
    assert got.target == f"/v1/patient/{patient}"
