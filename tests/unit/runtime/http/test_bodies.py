"""Request bodies: read exactly, or refused with what is wrong and where."""

import gzip

import pytest
from pydantic import ValidationError

from keyfold.runtime.http import JsonBody, WholeNumber
from tests.support.runtime.serving import Client
from tests.support.runtime.things import problem


async def test_a_good_body(client: Client) -> None:
    """A valid body is read into its model; times are written in UTC with microseconds."""
    body = '{"name": "a", "permissions": {"read": true}, "expires_at": "2026-01-31T09:00:00+01:00"}'
    async with client.ask("POST", "/things", data=body) as response:
        assert response.status == 201
        assert response.headers["ETag"] == '"1"'
        assert response.headers["Cache-Control"] == "no-store"
        assert await response.json() == {
            "name": "a",
            "permissions": {"read": True},
            "expires_at": "2026-01-31T08:00:00.000000Z",
            "sizes": [],
        }


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is not JSON at line 1, column 1"),
        (b'{"name": "a",\n "b" 1}', "the body is not JSON at line 2, column 6"),
        (b'{"name": NaN}', "the body is not JSON at line 1, column 10"),
        (b'{"name": "\\ud800"}', "the body is not JSON at line 1"),
        (b'{"name": "a\x00"}', "the body is not JSON at line 1"),
        (b"[" * 20_000, "the body is nested too deeply"),
        (b'{"name": ' + b"[" * 200 + b"]" * 200 + b"}", "the body is nested too deeply"),
        (b"[" * 1100 + b"]" * 1100, "the body is nested too deeply"),
        (b'"' + b'\\"' * 20_000, "the body is not JSON at line 1"),
        (b'{"name": "\xff"}', "the body is not UTF-8 at byte 10"),
        ('{"name": "a"}'.encode("utf-16"), "the body is not UTF-8 at byte 0"),
    ],
)
async def test_malformed_json(client: Client, body: bytes, detail: str) -> None:
    """A body that is not JSON is a 400 that says where it breaks."""
    found = await problem(client, "POST", "/things", data=body)
    assert (found["status"], found["type"]) == (400, "urn:keyfold:problem:malformed-json")
    assert str(found["detail"]).startswith(detail)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ("[]", [""]),
        ("null", [""]),
        ("{}", ["/name"]),
        ('{"name": 1}', ["/name"]),
        ('{"name": ""}', ["/name"]),
        ('{"name": "a", "x": 1, "y/z~": 2}', ["/x", "/y~1z~0"]),
        ('{"name": "a", "permissions": {"read": "yes"}}', ["/permissions/read"]),
        ('{"name": "a", "permissions": {"own": true}}', ["/permissions/own"]),
        ('{"name": "a", "sizes": [1, "2", 3.5, true, 9e99]}', [f"/sizes/{index}" for index in (1, 2, 3, 4)]),
        ('{"name": "a", "expires_at": "2026-01-31T09:00:00"}', ["/expires_at"]),
        *(
            (f'{{"name": "a", "expires_at": "{written}"}}', ["/expires_at"])
            for written in (
                "1799999999",
                "2027-01-01 00:00Z",
                "2027-01-01T00:00Z",
                "2027-01-01 00:00:00Z",
                "2027-02-30T00:00:00Z",
                "9999-12-31T23:59:59-14:00",
                "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59.999999Z",
                "0001-01-01T00:00:00Z",
            )
        ),
        ('{"name": "a", "name": "b"}', ["/name"]),
        ('{"name": "a", "permissions": {"read": false, "r\\u0065ad": true}}', ["/permissions/read"]),
        ('{"name": "a\\u0000"}', ["/name"]),
        ('{"name": "a", "permissions": {"\\u0000": true}}', ["/permissions/\0"]),
        ('{"name": "a", "sizes": ["\\u0000", {"b": "\\u0000"}]}', ["/sizes/0", "/sizes/1/b"]),
    ],
)
async def test_bodies_that_do_not_fit(client: Client, body: str, pointers: list[str]) -> None:
    """A body with wrong types, fields or characters is a 422 that points at each fault."""
    found = await problem(client, "POST", "/things", data=body)
    assert found["status"] == 422
    errors = found["errors"]
    assert isinstance(errors, list)
    assert [each["pointer"] for each in errors] == pointers
    assert all(each["detail"] for each in errors)


@pytest.mark.parametrize("depth", [150, 199])
@pytest.mark.parametrize("innermost", [b"1", b'"\\u0000"'])
async def test_bodies_that_are_nested_deeply(client: Client, depth: int, innermost: bytes) -> None:
    """A deeply nested body is read up to the limit, whatever is at its bottom."""
    nested = b"[" * depth + innermost + b"]" * depth
    found = await problem(client, "POST", "/things", data=b'{"name": "a", "sizes": ' + nested + b"}")
    assert found["status"] == 422


class Sized(JsonBody):
    size: WholeNumber


@pytest.mark.parametrize("written", ["60", "60.0", "6e1"])
def test_a_whole_number_however_it_is_written(written: str) -> None:
    """JSON has only one kind of number, so a whole number may have a decimal point."""
    assert Sized.model_validate_json(f'{{"size": {written}}}').size == 60


@pytest.mark.parametrize("written", ["6.5", "1e999", '"60"', "true"])
def test_no_whole_number(written: str) -> None:
    """A number that is not whole or not finite is refused."""
    with pytest.raises(ValidationError):
        Sized.model_validate_json(f'{{"size": {written}}}')


async def test_brackets_in_a_text_are_no_nesting(client: Client) -> None:
    """Brackets inside a text do not count as nesting."""
    async with client.ask("POST", "/things", data='{"name": "[{[\\"[{["}') as response:
        assert response.status == 201
    brackets = '{"name": "a", "x": "' + "[" * 300 + '"}'
    assert (await problem(client, "POST", "/things", data=brackets))["status"] == 422


async def test_an_escaped_backslash_is_no_nul(client: Client) -> None:
    """The six characters \\u0000, escaped, are ordinary text."""
    async with client.ask("POST", "/things", data='{"name": "\\\\u0000"}') as response:
        assert response.status == 201


async def test_a_huge_body(client: Client) -> None:
    """A body over 64 KiB is refused, by its declared length alone."""
    found = await problem(client, "POST", "/things", data=b" " * 65_537)
    assert (found["status"], found["type"]) == (413, "urn:keyfold:problem:body-too-large")


async def test_a_huge_body_is_not_awaited(client: Client) -> None:
    """A huge body is refused before it has arrived."""
    head = b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    answer = await client.raw(head + b"Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_body_is_invited(client: Client) -> None:
    """A client that asks before sending a body of acceptable length is told to go on."""
    head = b"POST /things HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
    answer = await client.raw(head + b'Content-Length: 12\r\nExpect: 100-continue\r\n\r\n{"name":"a"}')
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")


async def test_a_body_without_a_length(client: Client) -> None:
    """A chunked body is stopped at 64 KiB too."""
    chunks = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    head = b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    answer = await client.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks * 5)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "compress", "identity, gzip"])
@pytest.mark.parametrize(
    "body",
    [b"{}", gzip.compress(b'{"name": "a"}'), gzip.compress(b" " * 10**8)[:60_000]],
    ids=["not compressed", "compressed", "cut off"],
)
async def test_a_compressed_body(
    client: Client, encoding: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A body with any Content-Encoding is a 415, and the log has nothing about it."""
    head = f"POST /things HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: {encoding}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = await client.raw(head.encode() + body)
    assert answer.startswith(b"HTTP/1.1 415 ")
    assert b"\r\nAccept-Encoding: identity\r\n" in answer
    assert [each for each in caplog.records if each.name.startswith("aiohttp")] == []


async def test_an_uncompressed_body(client: Client) -> None:
    """A body that says it is not compressed is read."""
    headers = {"Content-Encoding": "Identity"}
    async with client.ask("POST", "/things", data='{"name": "a"}', headers=headers) as response:
        assert response.status == 201


@pytest.mark.parametrize("body", [b"", b"{}", b" {\r\n\t} \n"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
async def test_a_body_that_says_nothing(client: Client, body: bytes, kind: str) -> None:
    """A command without a body also accepts an empty object, however it is sent."""
    async with client.ask("DELETE", "/things/1", data=body, headers={"Content-Type": kind}) as response:
        assert response.status == 200


@pytest.mark.parametrize("body", [b'{"reason": "old"}', b"null", b"[]", b'""', b"0", b"{", b"{}{}", b"\xff"])
async def test_a_body_that_nobody_reads(client: Client, body: bytes) -> None:
    """A command without a body refuses any content, and says what would be right."""
    found = await problem(client, "DELETE", "/things/1", data=body)
    detail = "this call takes no body: leave it out, or send {}"
    assert (found["status"], found["errors"]) == (422, [{"pointer": "", "detail": detail}])


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"],
)
async def test_a_wrong_content_type(client: Client, content_type: str) -> None:
    """A body that is not declared as JSON in UTF-8 is a 415."""
    found = await problem(client, "POST", "/things", data='{"name": "a"}', Content_Type=content_type)
    assert found["status"] == 415
