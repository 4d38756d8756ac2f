"""The OpenAPI document: valid, and true to the route table."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import (
    Answer,
    AnyRoute,
    JsonBody,
    OwnAccount,
    OwnCredential,
    PageQuery,
    Request,
    RequestHeader,
    Roles,
    Route,
)
from tests.support.runtime.serving import Client, serving

WAIT = RequestHeader(
    name="Prefer", description="wait", schema={"type": "string"}, adds={"done": {"type": "boolean"}}
)


class Inner(JsonBody):
    size: int


class CreateThing(JsonBody):
    name: str
    inner: Inner | None = None


class ThingView(JsonBody):
    thing_id: str
    inner: Inner


async def create_thing(_request: Request[CreateThing, None]) -> Answer:
    """Answer nothing."""
    return Answer()


async def get_thing(_request: Request[None, None]) -> Answer:
    """Answer nothing."""
    return Answer()


async def list_things(_request: Request[None, PageQuery]) -> Answer:
    """Answer nothing."""
    return Answer()


async def authz(_request: Request[None, None]) -> Answer:
    """Answer nothing."""
    return Answer()


@pytest.fixture(scope="module")
async def document() -> AsyncIterator[dict[str, Any]]:
    """Serve a table of every kind of route and yield its description."""
    routes: list[AnyRoute] = [
        Route(
            method="POST",
            path="/v1/accounts/{account_id}/things",
            handler=create_thing,
            rule=OwnAccount(),
            summary="Create a thing.",
            body=CreateThing,
            answer=ThingView,
            status=201,
            refusals=(409,),
            headers=(WAIT,),
        ),
        Route(
            method="GET",
            path="/v1/accounts/{account_id}/things/{thing_id:(?!new$)[^/]+}",
            handler=get_thing,
            rule=OwnAccount(),
            summary="A thing.",
            answer=ThingView,
        ),
        Route(
            method="GET",
            path="/v1/things",
            handler=list_things,
            rule=Roles(frozenset({Role.REVIEWER, Role.OPERATOR})),
            summary="List things.",
            query=PageQuery,
        ),
        Route(
            method="*",
            path="/authz/{rest:.*}",
            handler=authz,
            rule=OwnCredential("X-Gateway-Token"),
            summary="Ask.",
        ),
    ]
    async with serving(routes) as client, client.ask("GET", "/openapi.json", token=None) as response:
        yield await response.json()


def test_it_is_valid(document: dict[str, Any]) -> None:
    """The served document is valid OpenAPI 3.1."""
    OpenAPIV31SpecValidator(document).validate()
    assert document["info"]["title"] == "Keyfold test"


def test_an_operation(document: dict[str, Any]) -> None:
    """An operation says who may call, what it reads and answers, and how it refuses."""
    operation = document["paths"]["/v1/accounts/{account_id}/things"]["post"]
    assert operation["operationId"] == "create_thing"
    assert operation["x-keyfold-rule"] == "the account's owner"
    assert operation["security"] == [{"bearer": []}]
    assert set(operation["responses"]) == {
        *("201", "400", "401", "403", "404", "409", "413", "415", "422", "429", "500", "503")
    }
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/CreateThing"}
    assert document["components"]["schemas"]["CreateThing"]["additionalProperties"] is False


def test_rate_limits(document: dict[str, Any]) -> None:
    """Every route that takes a token may answer 429, and no other does; it says when to come again."""
    things = "/v1/accounts/{account_id}/things"
    taking_tokens = {things, things + "/{thing_id}", "/v1/things"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert ("429" in operation["responses"]) == (path in taking_tokens)
    refused = document["paths"]["/v1/things"]["get"]["responses"]["429"]
    assert refused["headers"]["Retry-After"]["schema"] == {"type": "integer"}


def test_links(document: dict[str, Any]) -> None:
    """What creates a thing links to the calls that take its id, and says where its answer has the id."""
    made = document["paths"]["/v1/accounts/{account_id}/things"]["post"]["responses"]["201"]
    assert made["links"] == {
        "get_thing": {
            "operationId": "get_thing",
            "parameters": {"account_id": "$request.path.account_id", "thing_id": "$response.body#/thing_id"},
        }
    }
    assert "links" not in document["paths"]["/v1/things"]["get"]["responses"]["200"]


def test_what_a_header_adds(document: dict[str, Any]) -> None:
    """A header that a route reads is described; what it adds to the answer is allowed only in that route."""
    operation = document["paths"]["/v1/accounts/{account_id}/things"]["post"]
    assert [each["name"] for each in operation["parameters"] if each["in"] == "header"] == ["Prefer"]
    schema = operation["responses"]["201"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/ThingViewWhenAsked"}
    schemas = document["components"]["schemas"]
    assert schemas["ThingViewWhenAsked"]["properties"]["done"] == {"type": "boolean"}
    assert schemas["ThingViewWhenAsked"]["required"] == schemas["ThingView"]["required"]
    assert "done" not in schemas["ThingView"]["properties"]


def test_query_parameters(document: dict[str, Any]) -> None:
    """Query parameters are listed with their bounds."""
    operation = document["paths"]["/v1/things"]["get"]
    assert operation["x-keyfold-rule"] == "operator, reviewer"
    limit = next(each for each in operation["parameters"] if each["name"] == "limit")
    assert (limit["schema"]["maximum"], limit["schema"]["default"]) == (100, 50)


def test_any_method(document: dict[str, Any]) -> None:
    """A route for any method is described for each, secured by its own header."""
    operations = document["paths"]["/authz/{rest}"]
    assert operations["put"]["operationId"] == "authz_put"
    assert operations["put"]["security"] == [{"X-Gateway-Token": []}]
    assert document["components"]["securitySchemes"]["X-Gateway-Token"]["in"] == "header"


def test_what_every_service_answers(document: dict[str, Any]) -> None:
    """Probes, metrics and the document itself are described too, as open to anyone."""
    for path in ("/livez", "/readyz", "/metrics", "/openapi.json"):
        assert document["paths"][path]["get"]["x-keyfold-rule"] == "anyone"


async def test_every_problem_is_as_described(client: Client) -> None:
    """Every problem has the members that the description requires, even for broken HTTP."""
    async with client.ask("GET", "/openapi.json") as response:
        required = (await response.json())["components"]["schemas"]["Problem"]["required"]
    answer = await client.raw(b"GET / HTTP/1.1\r\nbroken header\r\n\r\n")
    assert answer.split()[1] == b"400"
    assert set(required) <= set(orjson.loads(answer.partition(b"\r\n\r\n")[2]))
