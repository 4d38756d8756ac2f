"""A route table with every kind of body, query, answer and refusal."""

from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from keyfold.runtime.failure import TryLater
from keyfold.runtime.http import (
    Answer,
    AnyRole,
    AnyRoute,
    GivenInstant,
    JsonBody,
    PageQuery,
    Problem,
    Public,
    Refused,
    Reply,
    Request,
    Route,
    encode_cursor,
    page,
)
from tests.support.runtime.serving import Client


class Access(StrEnum):
    READ = "read"
    WRITE = "write"


class CreateThing(JsonBody):
    name: str = Field(min_length=1, max_length=20)
    permissions: dict[Access, bool] = Field(default_factory=dict)
    expires_at: GivenInstant | None = None
    sizes: tuple[int, ...] = ()


class ThingCursor(BaseModel):
    position: int


async def create_thing(request: Request[CreateThing, None]) -> Answer:
    """Answer with the body itself."""
    return Answer(body=request.body, headers={"ETag": '"1"'})


async def list_things(request: Request[None, PageQuery]) -> Answer:
    """Answer two pages."""
    if (after := request.query.after(ThingCursor)) is not None:
        return Answer(body=page([after], None))
    return Answer(body=page(["a"] * request.query.limit, encode_cursor(ThingCursor(position=7))))


async def get_thing(request: Request[None, None]) -> Reply:
    """Refuse, fail or answer, as the id says."""
    match request.path["thing_id"]:
        case "bug":
            raise RuntimeError("a secret lies here")
        case "away":
            raise TryLater("the store at 10.0.0.7 is away")
        case "conflict":
            return Problem(status=409, slug="thing-busy", detail="the thing is busy", extra={"thing": 1})
        case "refused":
            raise Refused(Problem(status=412, slug="stale", detail="the thing has changed"))
        case _:
            at = datetime(2026, 1, 31, tzinfo=UTC)
            return Answer(body={"at": at, "trace": request.traceparent, "id": request.path["thing_id"]})


async def delete_thing(request: Request[None, None]) -> Answer:
    """Answer with who asked."""
    return Answer(body={"sub": request.caller.sub})


ROUTES: list[AnyRoute] = [
    Route(
        method="POST",
        path="/things",
        handler=create_thing,
        rule=Public(),
        summary="Create.",
        body=CreateThing,
        status=201,
    ),
    Route(method="GET", path="/things", handler=list_things, rule=Public(), summary="List.", query=PageQuery),
    Route(method="GET", path="/things/{thing_id}", handler=get_thing, rule=Public(), summary="Get."),
    Route(method="DELETE", path="/things/{thing_id}", handler=delete_thing, rule=AnyRole(), summary="Drop."),
]


async def problem(
    client: Client, method: str, path: str, *, data: bytes | str | None = None, **headers: str
) -> dict[str, object]:
    """Send a request that is refused, and return the problem; headers' names have underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.ask(method, path, data=data, headers=named) as response:
        assert response.content_type == "application/problem+json"
        found: dict[str, object] = await response.json(content_type=None)
        assert found["status"] == response.status
        return found
