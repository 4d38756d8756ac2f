"""What reaches the API: who it is, as the gatekeeper found it, and none of a client's claims and secrets."""

from __future__ import annotations

import pytest

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from tests.support.gatekeeper.practice import ACCOUNT, BOTH, KEY, VENDOR, VENDOR_KEY
from tests.support.gateways.running import Gateway, token_of
from tests.support.gateways.scene import Scene
from tests.support.gateways.upstream import IDENTITY, read_echo
from tests.support.gateways.wire import Pairs, send

KEYS = list(BOTH.items())
PAIR = f"{VENDOR_KEY.secret}/{KEY.secret}"
SPOOFED = "spoofed"
CLAIMS = (
    "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Prefix",
    "X-Original-Method", "X-Original-URI", "X-Original-URL", "X-Gateway-Token", "X-Real-IP", "Forwarded",
)  # fmt: skip


def record_of(scene: Scene, decision: str) -> AccessEvent:
    """Return the record of a decision, from the journal."""
    (record,) = [each for each in scene.gatekeepers.well.journal() if each.event_id == decision]
    return record


async def test_identity(scene: Scene, gateway: Gateway) -> None:
    """The API gets each of the seven identity headers once, and they are what was recorded."""
    response = await send(gateway.port, "PUT", "/v1/patient/7?from=2026", KEYS)
    got = read_echo(response)
    (decision,) = got.values("X-Keyfold-Decision")
    record = record_of(scene, decision)
    assert (got.method, got.target) == ("PUT", "/v1/patient/7?from=2026")
    assert [got.values(name) for name in IDENTITY] == [
        [ACCOUNT], [KEY.key_id], [VENDOR], ["patient"], ["write"], [decision], [str(record.position)]
    ]  # fmt: skip
    assert (record.method, record.path, record.gateway) == ("PUT", "/v1/patient/7", gateway.name)
    assert record.client_ip is not None


@pytest.mark.parametrize(
    "headers",
    [
        KEYS,
        [("X-API-KEY", VENDOR_KEY.secret), ("a-aPi-kEy", KEY.secret)],
        [("Authorization", f"Keyfold {PAIR}")],
        [("authorization", f"KEYFOLD {PAIR}")],
        [("Authorization", f"keyfold  {PAIR}"), *KEYS],
    ],
    ids=["headers", "other case", "authorization", "authorization in other case", "both"],
)
async def test_secrets(scene: Scene, gateway: Gateway, headers: Pairs) -> None:
    """Neither key reaches the API, however it was sent, nor does the gateway's token."""
    got = read_echo(await send(gateway.port, "GET", "/v1/patient", headers))
    for secret in (VENDOR_KEY.secret, KEY.secret, token_of(gateway.name)):
        assert not [name for name, value in got.headers if secret in value]
    for name in ("x-api-key", "a-api-key", "authorization", "x-gateway-token"):
        assert got.values(name) == []


@pytest.mark.parametrize("twice", [KEYS[:1], KEYS[1:]], ids=["vendor", "subscriber"])
async def test_key_twice(scene: Scene, gateway: Gateway, twice: Pairs) -> None:
    """A key that is sent twice is denied, in whatever case, so that no copy is left over for the API."""
    before = len(scene.upstream.got)
    again = [(name.swapcase(), value) for name, value in twice]
    response = await send(gateway.port, "GET", "/v1/patient", [*KEYS, *again])
    assert (response.status, response.values("X-Keyfold-Reason")) == (401, [Reason.MALFORMED_KEY])
    assert len(scene.upstream.got) == before


async def test_other_authorization(gateway: Gateway) -> None:
    """Authorization of another scheme is the API's own business."""
    got = read_echo(await send(gateway.port, "GET", "/v1/patient", [*KEYS, ("Authorization", "Bearer own")]))
    assert got.values("Authorization") == ["Bearer own"]


@pytest.mark.parametrize("spelling", ["as it is", "in other case", "with underscores", "with one underscore"])
async def test_spoofed_identity(gateway: Gateway, spelling: str) -> None:
    """A client's own identity headers are overwritten, or gone, however spelt and however often sent."""
    spelt = [_spelt(name, spelling) for name in IDENTITY]
    spoofed = [(name, SPOOFED) for name in (*spelt, *spelt)]
    got = read_echo(await send(gateway.port, "GET", "/v1/patient", [*spoofed, *KEYS]))
    assert SPOOFED not in [value for _, value in got.headers]
    assert [len(got.values(name)) for name in IDENTITY] == [1] * len(IDENTITY)


def _spelt(name: str, spelling: str) -> str:
    match spelling:
        case "in other case":
            return name.swapcase()
        case "with underscores":
            return name.replace("-", "_")
        case "with one underscore":
            return name.replace("-", "_", 1)
        case _:
            return name


@pytest.mark.parametrize("claim", CLAIMS)
async def test_claims_are_gone(scene: Scene, gateway: Gateway, claim: str) -> None:
    """What a client claims about what it asks for, or where from, reaches neither the record nor the API."""
    spelt = (claim, claim.lower(), claim.replace("-", "_"), claim.replace("-", "_", 1))
    claims = [(name, SPOOFED) for name in spelt]
    got = read_echo(await send(gateway.port, "PATCH", "/v1/patient/7", [*claims, *KEYS]))
    assert not [value for _, value in got.headers if SPOOFED in value]
    record = record_of(scene, got.values("X-Keyfold-Decision")[0])
    assert (record.method, record.path) == ("PATCH", "/v1/patient/7")
    assert record.gateway == gateway.name


@pytest.mark.parametrize(
    "claims",
    [
        [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/v1/patient")],
        [("X-Original-Method", "GET"), ("X-Original-URI", "/v1/patient")],
        [("X-Original-URL", "/v1/patient"), ("X-Original-Method", "GET"), ("X-Forwarded-Method", "GET")],
        [("X_Forwarded_Method", "GET"), ("X_Original_Method", "GET"), ("X_Original_URI", "/v1/patient")],
        [("X-Gateway-Token", token_of("nginx")), ("X-Original-Method", "GET")],
        [("x-envoy-original-path", "/v1/patient"), ("x-envoy-original-method", "GET")],
    ],
    ids=lambda claims: claims[0][0],
)
async def test_claims_change_nothing(scene: Scene, gateway: Gateway, claims: Pairs) -> None:
    """A POST that may only be read is denied as that POST, whatever else the client says that it is."""
    before = len(scene.upstream.got)
    response = await send(gateway.port, "POST", "/v1/appointment", [*claims, *KEYS])
    assert (response.status, response.values("X-Keyfold-Reason")) == (403, [Reason.READ_ONLY])
    assert len(scene.upstream.got) == before


@pytest.mark.parametrize(
    "override", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Rewrite-URL"]
)
async def test_overrides(scene: Scene, gateway: Gateway, override: str) -> None:
    """A request that overrides itself is denied, for an API may obey what was never decided on."""
    before = len(scene.upstream.got)
    response = await send(gateway.port, "GET", "/v1/patient", [*KEYS, (override, "DELETE")])
    assert (response.status, response.values("X-Keyfold-Reason")) == (403, [Reason.AMBIGUOUS_REQUEST])
    assert len(scene.upstream.got) == before


@pytest.mark.parametrize("named", ["X-Keyfold-Account, X-Gateway-Token", "x-api-key", "X-Forwarded-Method"])
async def test_connection_header(scene: Scene, gateway: Gateway, named: str) -> None:
    """A client cannot have headers taken out on the way by naming them in Connection."""
    response = await send(gateway.port, "GET", "/v1/patient", [*KEYS, ("Connection", named)])
    if response.status == 200:
        got = read_echo(response)
        assert [len(got.values(name)) for name in IDENTITY] == [1] * len(IDENTITY)
        assert got.values("x-api-key") == got.values("x-gateway-token") == []
        assert not [value for value in got.values("Connection") if named.lower() in value.lower()]
    else:
        assert (response.status, response.values("X-Keyfold-Reason")) == (401, [Reason.MISSING_VENDOR_KEY])


@pytest.mark.parametrize(
    "target",
    ["/v1/patient", "/v1/patient/", "/v1/%70atient", "/V1/Patient", "/v1//patient", "/v1/note/../patient",
     "/v1/./patient", "/v1/%2e%2e/patient", "/v1/note%2Fpatient", "/v1/note%5Cpatient", "/v1/patient;a=b",
     "/v1/patient%00", "/v1/patient%3Fa=b", "/v1/patient?a=%2F..//b#c", "//v1/patient", "/v1/pa%252Ftient",
     "/v1/patient/%C3%A9", "/v1/a+b", "/v1/%zz", "/v1/%", "/v1/patient/\xe9", "/v1/patient\\x", "*",
     "http://other.example/v1/patient", "http://other.example/v1/note/../patient", "/authz/v1/patient",
     "/keyfold-authz"],
)  # fmt: skip
async def test_same_path(scene: Scene, gateway: Gateway, target: str) -> None:
    """The API gets the very path that was decided on, or gets nothing."""
    before = len(scene.upstream.got)
    response = await send(gateway.port, "GET", target, KEYS)
    if response.status != 200:
        assert response.status in {400, 403, 404}
        assert len(scene.upstream.got) == before
        return
    got = read_echo(response)
    record = record_of(scene, got.values("X-Keyfold-Decision")[0])
    assert record.path == got.target.partition("?")[0]
    assert target.endswith(got.target)
