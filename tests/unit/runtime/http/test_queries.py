"""Paths and queries: pages, and every broken parameter or encoding."""

import pytest

from tests.support.runtime.serving import Client
from tests.support.runtime.things import problem


async def test_paging(client: Client) -> None:
    """A list's cursor, given back, leads to the place that it was made for."""
    async with client.ask("GET", "/things?limit=2") as response:
        first = await response.json()
    assert first["items"] == ["a", "a"]
    async with client.ask("GET", f"/things?cursor={first['next_cursor']}") as response:
        assert await response.json() == {"items": [{"position": 7}], "next_cursor": None}
    async with client.ask("GET", "/things") as response:
        assert len((await response.json())["items"]) == 50


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=101", "/query/limit"),
        ("limit=ten", "/query/limit"),
        ("limit=", "/query/limit"),
        ("limit=1.0", "/query/limit"),
        ("limit=5%20", "/query/limit"),
        ("limit=+5", "/query/limit"),
        ("limit=1_0", "/query/limit"),
        ("limit=1&limit=2", "/query/limit"),
        ("cursor=%21", "/query/cursor"),
        ("cursor=a", "/query/cursor"),
        ("cursor=e30", "/query/cursor"),
        ("cursor=eyJwb3NpdGlvbiI6IjcifQ", "/query/cursor"),
        ("cursor=eyJwb3NpdGlvbiI6NywieCI6MX0", "/query/cursor"),
        ("cursor=%C3%A9", "/query/cursor"),
        ("cursor=" + "a" * 2000, "/query/cursor"),
        ("colour=red", "/query/colour"),
    ],
)
async def test_bad_queries(client: Client, query: str, pointer: str) -> None:
    """A bad, unknown or repeated query parameter is a 400 that names it."""
    found = await problem(client, "GET", f"/things?{query}")
    assert (found["status"], found["type"]) == (400, "urn:keyfold:problem:bad-query")
    errors = found["errors"]
    assert isinstance(errors, list)
    assert [each["pointer"] for each in errors] == [pointer]


@pytest.mark.parametrize(
    "target", [b"/things/%zz", b"/things/%ff", b"/things/%00", b"/things?limit=%f", b"/things/\xff"]
)
async def test_bad_percent_encoding(client: Client, target: bytes) -> None:
    """A path or query that is not percent-encoded UTF-8, or hides a NUL, is a 400 problem."""
    answer = await client.raw(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.split()[1] == b"400"
    assert b"application/problem+json" in answer
