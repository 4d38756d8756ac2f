"""What the API behind the gateway learns about who is asking."""

from __future__ import annotations

import pytest

from tests.support.stack.world import Practice, World


async def upstream_headers(world: World, practice: Practice, *more: tuple[str, str]) -> dict[str, str]:
    """Return the headers that reach the API, their names in lower case."""
    answer = await world.request("GET", "/v1/patient/7", (*practice.keys, *more))
    assert answer.status == 200, answer.content
    return {name.lower(): value for name, value in answer.body["headers"].items()}


async def test_identity(world: World, practice: Practice) -> None:
    """The API is told whose data is asked for, by whom, with which key, and which decision allowed it."""
    headers = await upstream_headers(world, practice)

    identity = {name: value for name, value in headers.items() if name.startswith("x-keyfold-")}
    position = identity.pop("x-keyfold-position")
    decision = identity.pop("x-keyfold-decision")
    assert identity == {
        "x-keyfold-account": practice.account_id,
        "x-keyfold-key": practice.key_id,
        "x-keyfold-vendor": practice.vendor.vendor_id,
        "x-keyfold-category": "patient",
        "x-keyfold-access": "read",
    }
    assert int(position) > 0
    assert len(decision) == 36


async def test_no_secrets(world: World, practice: Practice) -> None:
    """Neither key reaches the API, nor does the gateway's own token."""
    headers = await upstream_headers(world, practice)

    assert not {"x-api-key", "a-api-key", "x-gateway-token"} & set(headers)
    told = " ".join(headers.values())
    for secret in (practice.secret, practice.vendor.secret, str(world.stack.record["gateway_token"])):
        assert secret not in told


@pytest.mark.parametrize(
    "name", ["X-Keyfold-Account", "x-keyfold-vendor", "X-KEYFOLD-KEY", "X-Keyfold-Category"]
)
async def test_spoofed(world: World, practice: Practice, name: str) -> None:
    """A client's own copy of an identity header is overwritten."""
    headers = await upstream_headers(world, practice, (name, "acc_somebodyelse"))

    assert "acc_somebodyelse" not in headers[name.lower()]


async def test_spoofed_method(world: World, practice: Practice) -> None:
    """A client's own claim of method and path changes nothing about what is asked."""
    claimed = (("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/v1/patient"))

    answer = await world.request("POST", "/v1/patient", (*practice.keys, *claimed))

    assert answer.reasons == ["read_only"]


async def test_keys_in_authorization(world: World, practice: Practice) -> None:
    """Both keys in one Authorization header work too, and do not reach the API either."""
    pair = ("Authorization", f"Keyfold {practice.vendor.secret}/{practice.secret}")

    answer = await world.request("GET", "/v1/patient/7", [pair])

    assert answer.status == 200
    assert practice.secret not in answer.content.decode()


async def test_gatekeeper_asks_who(world: World, practice: Practice) -> None:
    """Whoever reaches the gatekeeper without a gateway's token learns nothing, not even about a valid key."""
    answer = await world.ask("authz", "GET", "/authz/v1/patient", headers=practice.keys)

    assert answer.status == 401
    assert answer.reasons == []
