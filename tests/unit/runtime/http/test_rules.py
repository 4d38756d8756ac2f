"""Access rules over HTTP: who is let in, turned away, or told that nothing is there."""

from collections.abc import AsyncIterator
from typing import cast

import pytest
from aiohttp import web

from keyfold.runtime.auth.caller import Role
from keyfold.runtime.health import Health
from keyfold.runtime.http import (
    Answer,
    AnyLogin,
    AnyOf,
    AnyRole,
    Applicant,
    JsonBody,
    OwnAccount,
    OwnCredential,
    Public,
    Request,
    Roles,
    Route,
    Unbound,
    UndeclaredRoute,
    VendorItself,
    build_app,
    serve_http,
)
from keyfold.runtime.http.rules import Rule
from tests.support.runtime.serving import Client, NamedCallers, serving

PATHS: dict[str, tuple[str, Rule]] = {
    "public": ("/public", Public()),
    "own-credential": ("/gate", OwnCredential("X-Gateway-Token")),
    "any-role": ("/any", AnyRole()),
    "any-login": ("/login", AnyLogin()),
    "unbound": ("/new", Unbound()),
    "roles": ("/staff", Roles(frozenset({Role.OPERATOR, Role.REVIEWER}))),
    "own-account": ("/accounts/{account_id}", OwnAccount()),
    "own-vendor": ("/vendors/{vendor_id}", VendorItself()),
    "own-vendor-or-reviewer": ("/reviewed/{vendor_id}", VendorItself(also=frozenset({Role.REVIEWER}))),
    "applicant": ("/applied/{vendor_id}", AnyOf((VendorItself(), Applicant()))),
    "either": ("/either/{account_id}", AnyOf((OwnAccount(), Roles(frozenset({Role.GATEWAY}))))),
}


def route(name: str, path: str, rule: Rule) -> Route[None, None]:
    """Make a route that says when it was reached."""

    async def handler(_request: Request[None, None]) -> Answer:
        return Answer(body={"reached": True})

    handler.__name__ = name
    return Route(method="GET", path=path, handler=handler, rule=rule, summary="A thing.")


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    """Serve a route for each rule."""
    async with serving([route(name, path, rule) for name, (path, rule) in PATHS.items()]) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/public", None, 200),
        ("/public", "nonsense", 200),
        ("/gate", None, 200),
        ("/any", None, 401),
        ("/any", "nonsense", 401),
        ("/any", "vendor-new", 200),
        ("/new", "no-role", 200),
        ("/new", "vendor-new", 403),
        ("/new", "operator", 403),
        ("/login", None, 401),
        ("/login", "nonsense", 401),
        ("/login", "operator", 200),
        ("/login", "no-role", 200),
        ("/staff", None, 401),
        ("/staff", "operator", 200),
        ("/staff", "reviewer", 200),
        ("/staff", "owner-1", 403),
        ("/accounts/acc_1", "owner-1", 200),
        ("/accounts/acc_1", "owner-2", 404),
        ("/accounts/acc_1", "operator", 403),
        ("/accounts/acc_1", "vendor-1", 403),
        ("/accounts/acc_1", None, 401),
        ("/accounts/%61cc_1", "owner-1", 200),
        ("/vendors/ven_1", "vendor-1", 200),
        ("/vendors/ven_1", "vendor-2", 404),
        ("/vendors/ven_1", "vendor-new", 404),
        ("/vendors/ven_1", "reviewer", 403),
        ("/vendors/ven_1", "owner-1", 403),
        ("/reviewed/ven_1", "reviewer", 200),
        ("/reviewed/ven_1", "vendor-1", 200),
        ("/reviewed/ven_1", "vendor-2", 404),
        ("/reviewed/ven_1", "operator", 403),
        ("/applied/ven_1", "vendor-1", 200),
        ("/applied/ven_1", "vendor-2", 404),
        ("/applied/ven_1", "vendor-new", 200),
        ("/applied/ven_1", "reviewer", 403),
        ("/applied/ven_1", None, 401),
        ("/either/acc_1", "owner-1", 200),
        ("/either/acc_1", "gateway", 200),
        ("/either/acc_1", "owner-2", 404),
        ("/either/acc_1", "operator", 403),
    ],
)
async def test_verdicts(client: Client, path: str, token: str | None, status: int) -> None:
    """Each rule lets in exactly its callers; a wrong role is 403, another tenant 404, no token 401."""
    async with client.ask("GET", path, token=token) as response:
        assert response.status == status


async def test_rejection(client: Client) -> None:
    """A 401 is a problem that challenges for a bearer token and says what was wrong."""
    async with client.ask("GET", "/any", token="nonsense") as response:
        assert response.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
        assert response.content_type == "application/problem+json"
        assert await response.json(content_type=None) == {
            "type": "urn:keyfold:problem:unauthorized",
            "title": "Unauthorized",
            "status": 401,
            "detail": "nobody's token",
            "instance": "/any",
        }


@pytest.mark.parametrize(
    "path",
    [
        "/any",
        "/staff",
        "/accounts/acc_1",
        "/vendors/ven_1",
        "/reviewed/ven_1",
        "/applied/ven_1",
        "/either/acc_1",
    ],
)
async def test_a_login_that_is_bound_to_nothing(client: Client, path: str) -> None:
    """A login without a role is told everywhere else what to do about it."""
    async with client.ask("GET", path, token="no-role") as response:
        assert response.status == 403
        told = await response.json(content_type=None)
    assert told["type"] == "urn:keyfold:problem:login-not-bound"
    assert told["detail"] == "this login is not bound to an account or a vendor; open an invitation"


async def test_two_authorization_headers(client: Client) -> None:
    """Two tokens on one request name nobody, as two readers might choose differently."""
    twice = b"Authorization: Bearer operator\r\n" * 2
    answer = await client.raw(b"GET /any HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + twice + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_another_tenant_learns_nothing(client: Client) -> None:
    """The answer to another tenant is the same whether the thing exists or not."""
    async with client.ask("GET", "/accounts/acc_1", token="owner-2") as there:
        one = await there.json(content_type=None)
    async with client.ask("GET", "/accounts/acc_9", token="owner-2") as nowhere:
        other = await nowhere.json(content_type=None)
    assert {**one, "instance": ""} == {**other, "instance": ""}
    assert one["type"] == "urn:keyfold:problem:not-found"


def test_a_route_without_a_rule() -> None:
    """A route without a rule does not start, whatever is in the rule's place."""
    with pytest.raises(UndeclaredRoute, match="GET /open declares no access rule"):
        route("open", "/open", cast("Rule", None))


def test_a_rule_without_its_parameter() -> None:
    """A rule about the path's account needs an account in the path."""
    with pytest.raises(UndeclaredRoute, match=r"needs \{account_id\} in the path"):
        route("open", "/open/{key_id}", AnyOf((OwnAccount(),)))


async def back_door(_request: web.Request) -> web.Response:
    """Answer anyone."""
    return web.Response()


async def test_a_route_added_behind_the_table() -> None:
    """An application with a route outside of its table does not start."""
    app = build_app("test", [], auth=NamedCallers(), health=Health())
    app.router.add_get("/back-door", back_door)
    with pytest.raises(UndeclaredRoute, match="back-door"):
        async with serve_http(app, "127.0.0.1", 0):
            pass


def test_two_handlers_of_one_name() -> None:
    """Two handlers of the same name do not start: a generated client could not tell them apart."""
    same = [route("same", "/a", Public()), route("same", "/b", Public())]
    with pytest.raises(UndeclaredRoute, match="2 routes have a handler named same"):
        build_app("test", same, auth=NamedCallers(), health=Health())


def test_a_body_that_takes_unknown_fields() -> None:
    """A body model that accepts unknown fields does not start."""

    class Loose(JsonBody, extra="ignore"):
        pass

    async def handler(_request: Request[Loose, None]) -> Answer:
        return Answer()

    with pytest.raises(UndeclaredRoute, match="takes unknown fields"):
        Route(method="POST", path="/a", handler=handler, rule=Public(), summary="A thing.", body=Loose)
