"""Rate limits: each caller has a budget of commands and of failures, each address one of bad tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from keyfold.runtime import metrics
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import (
    Answer,
    AnyRole,
    JsonBody,
    OwnAccount,
    OwnCredential,
    Problem,
    Public,
    RateLimits,
    Reply,
    Request,
    Route,
)
from keyfold.runtime.http.rate_limits import UNLIMITED
from keyfold.runtime.http.rules import Rule
from keyfold.runtime.settings.base import RateLimitSettings
from tests.support.runtime.serving import Client, serving, until

COMMANDS = ("POST", "PUT", "PATCH", "DELETE")
PLACES: list[tuple[str, str, Rule]] = [
    *((method, "/thing", AnyRole()) for method in ("GET", *COMMANDS)),
    ("GET", "/status/{status}", AnyRole()),
    ("GET", "/accounts/{account_id}", OwnAccount()),
    ("POST", "/public/{status}", Public()),
    ("POST", "/gate/{status}", OwnCredential("X-Gateway-Token")),
]


class Body(JsonBody):
    size: int


@pytest.fixture(autouse=True)
async def _within_a_minute() -> None:
    """Begin where the clock's minute, with which the library's window ends, does not end during the test."""
    await until(lambda: SYSTEM_CLOCK.now().second < 56)


@asynccontextmanager
async def limited(
    *, commands: int = 0, failures: int = 0, window_s: int = 60
) -> AsyncIterator[tuple[Client, list[str]]]:
    """Serve a thing with these limits; the list has the method of each call that was run."""
    run: list[str] = []
    limits = RateLimits(commands_max=commands, failures_max=failures, window_s=window_s)
    routes = [route(run, method, path, rule) for method, path, rule in PLACES]
    async with serving([*routes, reading_a_body()], limits=limits) as client:
        yield client, run


def route(run: list[str], method: str, path: str, rule: Rule) -> Route[None, None]:
    """Make a route that answers the status in its path, or 200."""

    async def handler(request: Request[None, None]) -> Reply:
        run.append(method)
        status = int(request.path.get("status", 200))
        return (
            Problem(status=status, slug="asked-for", detail="as asked") if status > 399 else Answer(body={})
        )

    handler.__name__ = f"{method} {path}"
    return Route(method=method, path=path, handler=handler, rule=rule, summary="A thing.")


def reading_a_body() -> Route[Body, None]:
    """Make a route that refuses bodies before its handler is asked."""

    async def read(_request: Request[Body, None]) -> Answer:
        return Answer(body={})

    return Route(method="POST", path="/body", handler=read, rule=AnyRole(), summary="Read.", body=Body)


async def statuses(client: Client, times: int, method: str, path: str, token: str | None) -> list[int]:
    """Return the statuses of this many calls."""
    return [await client.status(method, path, token) for _ in range(times)]


async def test_commands_past_the_limit_are_not_run() -> None:
    """Whatever its method, a command past its caller's limit is refused and not run; reads go on."""
    async with limited(commands=4) as (client, run):
        assert [await client.status(method, "/thing") for method in COMMANDS] == [200] * 4
        assert [await client.status(method, "/thing") for method in COMMANDS] == [429] * 4
        assert run == list(COMMANDS)
        assert await client.status("GET", "/thing") == 200


async def test_the_answer() -> None:
    """The answer is a problem that names the limit, and headers that say when to come again."""
    async with limited(commands=1) as (client, _run):
        await client.status("POST", "/thing")
        async with client.ask("POST", "/thing") as response:
            found = await response.json(content_type=None)
        wait_s = int(response.headers["Retry-After"])
        assert 0 <= wait_s - (60 - SYSTEM_CLOCK.now().second) <= 1
        assert response.headers["RateLimit-Policy"] == '"commands";q=1;w=60'
        assert response.headers["RateLimit"] == f'"commands";r=0;t={wait_s}'
        assert (response.content_type, found["type"]) == (
            "application/problem+json",
            "urn:keyfold:problem:rate-limited",
        )
        assert found["detail"] == f"more than 1 commands in 60 s; come again in {wait_s} s"


async def test_coming_again() -> None:
    """Once the time in the answer has passed, a command is run again."""
    async with limited(commands=2, window_s=1) as (client, _run):
        wait_s: int | None = None
        while wait_s is None:
            async with client.ask("POST", "/thing") as response:
                wait_s = int(response.headers["Retry-After"]) if response.status == 429 else None
        come_again_s = SYSTEM_CLOCK.monotonic_s() + wait_s
        await until(lambda: SYSTEM_CLOCK.monotonic_s() >= come_again_s)
        assert await client.status("POST", "/thing") == 200


@pytest.mark.parametrize("other", ["reviewer", "owner-1", "owner-2", "vendor-1", "vendor-new"])
async def test_each_caller_has_its_own_budget(other: str) -> None:
    """What one caller uses up, of commands or of failures, no other caller loses."""
    async with limited(commands=2, failures=1) as (client, _run):
        assert await statuses(client, 3, "POST", "/thing", "operator") == [200, 200, 429]
        assert await statuses(client, 2, "GET", "/status/404", "operator") == [404, 429]
        assert await statuses(client, 2, "POST", "/thing", other) == [200, 200]


@pytest.mark.parametrize(("one", "another"), [("otto", "otto-of-2"), ("slash", "slash-moved")])
async def test_callers_of_alike_names(one: str, another: str) -> None:
    """The same subject in two tenants is two callers, and no name can imitate another's."""
    async with limited(commands=1) as (client, _run):
        assert await statuses(client, 2, "POST", "/thing", one) == [200, 429]
        assert await statuses(client, 2, "POST", "/thing", another) == [200, 429]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/status/404", 404),
        ("GET", "/status/412", 412),
        ("GET", "/accounts/acc_1", 403),
        ("POST", "/body", 415),
    ],
)
async def test_failures(method: str, path: str, status: int) -> None:
    """Past its limit of failures, by the handler, the rule or the body, a caller is refused everything."""
    async with limited(failures=2) as (client, run):
        assert await statuses(client, 3, method, path, "operator") == [status, status, 429]
        run.clear()
        async with client.ask("GET", "/thing") as response:
            assert response.headers["RateLimit-Policy"] == '"failures";q=2;w=60'
            assert "more than 2 calls that failed in 60 s" in await response.text()
        assert run == []


@pytest.mark.parametrize("path", ["/thing", "/status/500", "/status/503"])
async def test_what_is_no_failure(path: str) -> None:
    """Neither successes nor our own faults count as the caller's failures."""
    async with limited(failures=1) as (client, _run):
        assert 429 not in await statuses(client, 3, "GET", path, "operator")


async def test_a_429_is_no_failure() -> None:
    """A caller that sends too many commands may go on reading, however often it gets a 429."""
    async with limited(commands=1, failures=1) as (client, _run):
        assert await statuses(client, 3, "GET", "/status/429", "operator") == [429] * 3
        assert await statuses(client, 4, "POST", "/thing", "operator") == [200, 429, 429, 429]
        assert await client.status("GET", "/thing") == 200


async def test_bad_tokens() -> None:
    """An address that sends too many bad or missing tokens gets 429, and no longer what is wrong."""
    async with limited(failures=3) as (client, run):
        assert await statuses(client, 2, "GET", "/thing", "nobody") == [401, 401]
        assert await statuses(client, 2, "POST", "/thing", None) == [401, 429]
        async with client.ask("GET", "/thing", token="nobody") as response:
            assert response.headers["RateLimit-Policy"] == '"bad-tokens";q=3;w=60'
            assert "WWW-Authenticate" not in response.headers
        assert run == []


async def test_a_good_token_beside_bad_ones() -> None:
    """Bad tokens from an address never block a good one: behind a proxy all callers have the same address."""
    async with limited(failures=1) as (client, _run):
        assert await statuses(client, 2, "GET", "/thing", "nobody") == [401, 429]
        assert await client.status("POST", "/thing") == 200


async def test_no_forwarded_header_is_believed() -> None:
    """Forwarded addresses in a header give no additional budget."""
    async with limited(failures=1) as (client, _run):
        for number, expected in enumerate([401, 429, 429]):
            named = {"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"}
            async with client.ask("GET", "/thing", token=None, headers=named) as response:
                assert response.status == expected


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("GET", path, 200) for path in ("/livez", "/readyz", "/metrics", "/openapi.json")),
        ("GET", "/nothing", 404),
        ("POST", "/livez", 405),
        ("POST", "/public/200", 200),
        ("POST", "/public/409", 409),
        ("POST", "/gate/401", 401),
        ("POST", "/gate/403", 403),
    ],
)
@pytest.mark.parametrize("token", ["operator", "nobody", None])
async def test_what_is_never_limited(method: str, path: str, status: int, token: str | None) -> None:
    """Calls without a bearer token are never counted: probes, unknown paths, a gateway's question."""
    async with limited(commands=1, failures=1) as (client, _run):
        await statuses(client, 2, "GET", "/thing", "nobody")
        assert await statuses(client, 3, method, path, token) == [status] * 3
        assert await client.status("POST", "/thing") == 200


async def test_off() -> None:
    """A limit of 0 means none, and each can be turned off by itself."""
    async with limited(commands=1) as (client, _run):
        assert await statuses(client, 3, "GET", "/status/404", "operator") == [404] * 3
        assert await statuses(client, 3, "GET", "/thing", "nobody") == [401] * 3
    async with limited(failures=1) as (client, _run):
        assert await statuses(client, 3, "POST", "/thing", "operator") == [200] * 3


async def test_it_is_off_where_nobody_asks_for_it() -> None:
    """A service that takes no tokens has no limits."""
    async with serving([route([], "POST", "/thing", AnyRole())], limits=UNLIMITED) as client:
        assert await statuses(client, 3, "POST", "/thing", "operator") == [200] * 3


def counted(limit: str) -> float:
    """Return the metric's number of answers for that limit."""
    return metrics.REGISTRY.get_sample_value("keyfold_http_rate_limited_total", {"limit": limit}) or 0.0


async def test_the_log_and_the_metric() -> None:
    """The log has one line for each caller and limit; the metric counts every answer."""
    before = counted("commands")
    async with limited(commands=1, failures=1) as (client, _run):
        with capture_logs(processors=[merge_contextvars]) as lines:
            for token in ("operator", "reviewer"):
                await statuses(client, 3, "POST", "/thing", token)
            await statuses(client, 4, "GET", "/thing", None)
    said = [line for line in lines if line["event"] == "rate_limited"]
    assert [(line["limit"], line.get("sub"), line.get("address")) for line in said] == [
        ("commands", "ada", None),
        ("commands", "rex", None),
        ("bad-tokens", None, "127.0.0.1"),
    ]
    assert counted("commands") - before == 4


def test_the_settings() -> None:
    """By default the limits are 3000 commands and 600 failures."""
    settings = RateLimitSettings()
    assert (settings.commands_per_minute, settings.failures_per_minute) == (3000, 600)
    RateLimits.of(settings)


async def test_the_library_forgets() -> None:
    """Counters of callers that have left are dropped two windows later, when somebody else calls."""
    storage, item = MemoryStorage(), RateLimitItemPerSecond(5, 1)
    limiter = SlidingWindowCounterRateLimiter(storage)
    for number in range(1000):
        await limiter.hit(item, f"caller {number}")
    assert len(storage.storage) >= 1000
    over_s = SYSTEM_CLOCK.monotonic_s() + 2
    await until(lambda: SYSTEM_CLOCK.monotonic_s() > over_s)
    await limiter.hit(item, "somebody")
    await until(lambda: len(storage.storage) == len(storage.expirations) == len(storage.locks) == 1)
