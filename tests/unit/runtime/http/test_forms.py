"""Routes with a form, a longer body, their own credential beside a token, and routes that only ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import Field

from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import (
    Answer,
    AnyRoute,
    Body,
    CredentialOr,
    JsonBody,
    RateLimits,
    Request,
    Roles,
    Route,
    UndeclaredRoute,
)
from keyfold.runtime.http.reading.form import MEDIA_TYPE
from keyfold.runtime.http.rules import OwnAccount
from tests.support.runtime.serving import Client, serving, until

LONG_BYTES_MAX = 100_000
RULE = CredentialOr("X-Own", Roles(frozenset({Role.GATEWAY, Role.OPERATOR})))


class Wanted(JsonBody):
    """What the form asks for."""

    token: str = Field(min_length=1)
    hint: str = ""


class Long(JsonBody):
    """A list that may be long."""

    items: list[int]


async def ask_form(request: Request[Wanted, None]) -> Answer:
    """Answer what was read, and who was recognised."""
    who = None if request.identity is None else request.identity.sub
    return Answer(body={"token": request.body.token, "hint": request.body.hint, "who": who})


async def send_long(request: Request[Long, None]) -> Answer:
    """Answer how many there were."""
    return Answer(body={"count": len(request.body.items)})


ROUTES: list[AnyRoute] = [
    Route(
        method="POST",
        path="/form",
        handler=ask_form,
        rule=RULE,
        summary="Ask.",
        body=Wanted,
        body_kind=Body(media_type=MEDIA_TYPE),
        only_asks=True,
    ),
    Route(
        method="POST",
        path="/long",
        handler=send_long,
        rule=RULE,
        summary="Send.",
        body=Long,
        body_kind=Body(bytes_max=LONG_BYTES_MAX),
    ),
]
AS_FORM = {"Content-Type": MEDIA_TYPE}
HEAD_OF_LONG = (
    b"POST /long HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer operator"
)


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    """Serve both routes."""
    async with serving(ROUTES) as client:
        yield client


async def asked(client: Client, form: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    """Send a form as the operator, or with other headers; their names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.ask("POST", "/form", data=form, headers={**AS_FORM, **named}) as response:
        return response.status, await response.json(content_type=None)


@pytest.mark.parametrize(
    ("form", "token"),
    [
        (b"token=a%2Fb", "a/b"),
        (b"token=a+b", "a b"),
        (b"token=%C3%A4&realm=x&realm=%00", "\u00e4"),
        (b"hint=h&token=a", "a"),
    ],
)
async def test_a_form_is_read(client: Client, form: bytes, token: str) -> None:
    """Parameters are decoded as forms are; those that the call does not know are ignored, even twice."""
    status, answer = await asked(client, form)
    assert (status, answer["token"], answer["who"]) == (200, token, "ada")


@pytest.mark.parametrize(
    ("form", "status"),
    [
        (b"", 422),
        (b"hint=h", 422),
        (b"token=a&token=a", 422),
        (b"token", 400),
        (b"token=%ff", 400),
        (b"token=a%00", 422),
        (b"\xc3\xa4=a", 400),
        (b"&".join([b"x=1"] * 33), 400),
    ],
)
async def test_what_is_no_form(client: Client, form: bytes, status: int) -> None:
    """A form that is broken, or lacks or repeats a parameter, is refused."""
    assert (await asked(client, form))[0] == status


async def test_a_form_is_not_json_and_json_is_no_form(client: Client) -> None:
    """Each route accepts only its own kind of body."""
    assert (await asked(client, b"{}", Content_Type="application/json"))[0] == 415
    async with client.ask("POST", "/long", data=b"items=1", headers=AS_FORM) as response:
        assert response.status == 415
        assert response.headers["Accept"] == "application/json"


async def test_a_route_may_have_a_bound_of_its_own(client: Client) -> None:
    """A route accepts bodies up to its own limit, whether their length is declared or not."""
    body = b'{"items": [' + b",".join([b"1"] * 40_000) + b"]}"
    assert 64 * 1024 < len(body) < LONG_BYTES_MAX
    async with client.ask("POST", "/long", data=body) as response:
        assert (response.status, await response.json()) == (200, {"count": 40_000})
    async with client.ask("POST", "/long", data=body + b" " * (LONG_BYTES_MAX - len(body))) as response:
        assert response.status == 200
    async with client.ask("POST", "/long", data=body + b" " * (LONG_BYTES_MAX - len(body) + 1)) as response:
        assert response.status == 413
    chunks = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    answer = await client.raw(HEAD_OF_LONG + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks * 7)
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_long_body_that_is_wrong_is_refused_as_a_short_one(client: Client) -> None:
    """A long invalid body is refused as a short one is."""
    filler = b" " * 70_000
    for body, status in ((b"{" + filler, 400), (b'{"items": 1}' + filler, 422), (filler, 400)):
        async with client.ask("POST", "/long", data=body) as response:
            assert response.status == status


async def test_a_body_of_fair_length_is_invited(client: Client) -> None:
    """A client that asks before sending is told to go on, by the route's own limit."""
    body = b'{"items": []}' + b" " * 80_000
    asking = b"\r\nConnection: close\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(body)
    answer = await client.raw(HEAD_OF_LONG + asking + body)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("token", "own", "status", "who"),
    [
        ("operator", None, 200, "ada"),
        ("gateway", None, 200, "gate"),
        ("owner-1", None, 403, None),
        (None, None, 401, None),
        (None, "anything", 200, None),
        ("owner-1", "anything", 200, None),
    ],
)
async def test_a_credential_in_a_tokens_place(
    client: Client, token: str | None, own: str | None, status: int, who: str | None
) -> None:
    """If the header is there, only the handler judges it; if not, the rule applies."""
    headers = {**AS_FORM, **({"X-Own": own} if own else {})}
    async with client.ask("POST", "/form", token=token, data=b"token=a", headers=headers) as response:
        assert response.status == status
        if status == 200:
            assert (await response.json())["who"] == who


async def test_tricks_of_the_path_are_judged_with_a_credential_too(client: Client) -> None:
    """A path with a broken encoding is refused, whoever asks."""
    head = b"POST /form?a=%zz HTTP/1.1\r\nHost: a\r\nX-Own: anything\r\nConnection: close\r\n"
    typed = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\ntoken=a"
    assert (await client.raw(head + typed)).startswith(b"HTTP/1.1 400 ")


async def test_what_only_asks_is_no_command() -> None:
    """A call that changes nothing does not count as a caller's command."""
    await until(lambda: SYSTEM_CLOCK.now().second < 56)
    async with serving(ROUTES, limits=RateLimits(commands_max=2, failures_max=0)) as client:
        assert [(await asked(client, b"token=a"))[0] for _ in range(5)] == [200] * 5
        sent = []
        for _ in range(3):
            async with client.ask("POST", "/long", data=b'{"items": []}') as response:
                sent.append(response.status)
        assert sent == [200, 200, 429]


async def test_it_is_described(client: Client) -> None:
    """The OpenAPI document names the kind of body and both credentials."""
    async with client.ask("GET", "/openapi.json", token=None) as response:
        document = await response.json()
    OpenAPIV31SpecValidator(document).validate()
    form, long = document["paths"]["/form"]["post"], document["paths"]["/long"]["post"]
    assert list(form["requestBody"]["content"]) == [MEDIA_TYPE]
    assert list(long["requestBody"]["content"]) == ["application/json"]
    assert form["security"] == [{"X-Own": []}, {"bearer": []}]
    assert form["x-keyfold-rule"] == "holders of X-Own; gateway, operator"
    assert document["components"]["securitySchemes"]["X-Own"]["in"] == "header"


def test_its_rule_needs_the_path_that_it_names() -> None:
    """A rule behind a credential is compared with the path like any other."""
    with pytest.raises(UndeclaredRoute, match="account_id"):
        Route(
            method="GET",
            path="/form",
            handler=ask_form,
            rule=CredentialOr("X-Own", OwnAccount()),
            summary="Ask.",
        )
