"""If-Match and If-None-Match, as in RFC 9110, section 13."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from keyfold.runtime.http import Answer, AnyRoute, OwnCredential, Public, Request, Route, Streamed, Writer
from keyfold.runtime.http.preconditions import etag_of, read_preconditions
from tests.support.runtime.serving import serving


def reads(*lines: tuple[str, str]) -> CIMultiDictProxy[str]:
    """Return headers."""
    return CIMultiDictProxy(CIMultiDict(lines))


@pytest.mark.parametrize(
    ("lines", "allowed"),
    [
        ([], [True, True]),
        ([("If-Match", '"2"')], [True, False]),
        ([("If-Match", "*")], [True, False]),
        ([("If-Match", '"1", "2"')], [True, False]),
        ([("If-Match", '"1"'), ("if-match", '"2"')], [True, False]),
        ([("If-Match", ' , "2" ,, "3"')], [True, False]),
        *(
            ([("If-Match", value)], [False, False])
            for value in (
                '"1"',
                '"0"',
                'W/"2"',
                "2",
                "'2'",
                "",
                '"',
                '""',
                '"2',
                '"1","2',
                '*, "2"',
                '"1 "2" "',
            )
        ),
        *(([("If-None-Match", value)], [False, True]) for value in ("*", '"2"', 'W/"2"', '"1",W/"2"')),
        *(([("If-None-Match", value)], [True, True]) for value in ('"1"', '"0"', 'W/"22"', '"é"')),
        *(([("If-None-Match", value)], [False, False]) for value in ("", "2", '"2', '*, "1"', "\udce9 ")),
        ([("If-Match", '"2"'), ("If-None-Match", '"1"')], [True, False]),
        ([("If-Match", '"2"'), ("If-None-Match", '"2"')], [False, False]),
        ([("If-Match", '"1"'), ("If-None-Match", '"1"')], [False, False]),
    ],
)
def test_commands(lines: list[tuple[str, str]], allowed: list[bool]) -> None:
    """A command changes version 2, or creates a thing, only if its preconditions surely allow it."""
    asked = read_preconditions(reads(*lines))
    assert [asked.allow_change(etag_of(version)) for version in (2, 0)] == allowed


async def tagged(_request: Request[None, None]) -> Answer:
    """Answer with a version."""
    return Answer(body={"a": 1}, headers={"ETag": '"2"'})


async def tagged_again(request: Request[None, None]) -> Answer:
    """Answer a gateway, which repeats its client's headers."""
    return await tagged(request)


async def bare(_request: Request[None, None]) -> Answer:
    """Answer without one."""
    return Answer(body={"a": 1})


async def away(_request: Request[None, None]) -> Answer:
    """Answer that it cannot."""
    return Answer(status=503, body={"a": 1}, headers={"ETag": '"2"'})


async def flowing(_request: Request[None, None]) -> Streamed:
    """Answer bit by bit."""

    async def write(writer: Writer) -> None:
        await writer.write(b"a")

    return Streamed(write=write, content_type="text/plain")


ROUTES: list[AnyRoute] = [
    *(
        Route(method="GET", path=f"/{each.__name__}", handler=each, rule=Public(), summary="Get.")
        for each in (tagged, bare, away, flowing)
    ),
    Route(method="*", path="/authz", handler=tagged_again, rule=OwnCredential("X"), summary="Ask."),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        *(("/tagged", {"If-None-Match": value}, 304) for value in ('"2"', 'W/"2"', "*", '"1", W/"2"')),
        *(("/tagged", {"If-None-Match": value}, 200) for value in ('"1"', "2", '"2', "", '*, "1"')),
        *(("/tagged", {"If-Match": value}, 200) for value in ('"2"', "*", '"1", "2"')),
        *(("/tagged", {"If-Match": value}, 412) for value in ('"0"', 'W/"2"', "2", "")),
        ("/tagged", {"If-Match": '"1"', "If-None-Match": '"2"'}, 412),
        ("/tagged", {"If-Match": '"2"', "If-None-Match": '"2"'}, 304),
        ("/tagged", {"If-Modified-Since": "Mon, 30 Nov 2026 00:00:00 GMT"}, 200),
        ("/tagged", {"If-Unmodified-Since": "Mon, 30 Nov 2020 00:00:00 GMT"}, 200),
        *((path, {"If-None-Match": "*"}, 304) for path in ("/bare", "/flowing")),
        *((path, {"If-None-Match": '"2"'}, 200) for path in ("/bare", "/flowing")),
        *((path, {"If-Match": '"2"'}, 412) for path in ("/bare", "/flowing")),
        *((path, {"If-Match": "*"}, 200) for path in ("/bare", "/flowing")),
        *(("/away", {name: "*"}, 503) for name in ("If-Match", "If-None-Match")),
        *(("/authz", {name: '"2"'}, 200) for name in ("If-Match", "If-None-Match")),
        ("/authz", {"If-Match": '"1"'}, 200),
    ],
)
async def test_reads(method: str, path: str, header: dict[str, str], status: int) -> None:
    """A read answers 304 to a client that has the present version, and 412 to one that requires another."""
    async with serving(ROUTES) as client, client.ask(method, path, headers=header) as response:
        assert response.status == status
        body = await response.read()
        if status == 304:
            assert body == b"" and "Content-Type" not in response.headers
            assert response.headers["Cache-Control"] == "no-store"
        if path == "/tagged" and status < 400:
            assert response.headers["ETag"] == '"2"'
