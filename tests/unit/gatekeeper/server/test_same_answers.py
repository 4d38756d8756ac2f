"""The authz server on its own port and aiohttp on the service's port answer and record alike."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import EventId
from keyfold.gatekeeper.authz.endpoint import AuthzEndpoint
from keyfold.runtime.auth.caller import Caller, TokenRejected
from keyfold.runtime.health import Health
from keyfold.runtime.http import RateLimits, build_app, serve_http
from tests.support.gatekeeper.heart import NGINX_TOKEN, TOKEN
from tests.support.gatekeeper.mutations import ADDRESSES, TRACE
from tests.support.gatekeeper.practice import (
    KEY,
    NAMED_KEY,
    NETWORKED_KEY,
    OTHER_VENDOR_KEY,
    SHUT_KEY,
    UNKNOWN_KEY,
    VENDOR_KEY,
)
from tests.support.gatekeeper.server_bed import HOST, WITHIN_S, Bed, serve_in

EVENT_ID = re.compile(r"0195f000-0000-7000-8000-\w{12}")
# What each server says about itself and its connection.
SERVERS_OWN = {"date", "server", "connection", "x-request-id"}

methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "M-SEARCH"])
pieces = st.sampled_from(
    [
        *(
            "v1",
            "V1",
            "patient",
            "note",
            "appointment",
            "payroll",
            "7",
            "a.b",
            "patient.",
            "%70atient",
            "%2e%2e",
        ),
        *(
            "%2f",
            "%252f",
            "x;a=1",
            "..",
            ".",
            "",
            "%zz",
            "%",
            "a+b",
            "~!$&'()*,=:@",
            "%00",
            "%c3%a9",
            "x" * 2100,
        ),
    ]
)
paths = st.builds(
    lambda parts, query: "/" + "/".join(parts) + query,
    st.one_of(st.just(["v1", "patient"]), st.lists(pieces, max_size=5)),
    st.sampled_from(["", "", "?", "?x=1", "?x=/authz&%zz", "/"]),
)
secrets = st.sampled_from(
    [
        key.secret
        for key in (KEY, NAMED_KEY, NETWORKED_KEY, SHUT_KEY, UNKNOWN_KEY, VENDOR_KEY, OTHER_VENDOR_KEY)
    ]
)
any_text = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=80
)
spaces = st.sampled_from(["", "", "", " ", "\t", " \t "])
values = {
    "X-Gateway-Token": st.sampled_from([TOKEN, NGINX_TOKEN, "nobody's"]),
    "x-api-key": secrets | any_text,
    "A-api-key": secrets | any_text,
    "Authorization": st.builds("{} {}/{}".format, st.sampled_from(["Keyfold", "keyfold"]), secrets, secrets)
    | any_text,
    "X-Forwarded-Method": methods | any_text,
    "X-Forwarded-Uri": paths | any_text,
    "X-Original-Method": methods,
    "X-Original-URI": paths,
    "X-Forwarded-For": st.sampled_from(ADDRESSES) | any_text,
    "X-Real-IP": st.sampled_from(ADDRESSES),
    "X-Original-URL": paths,
    "X-HTTP_Method-Override": methods,
    "traceparent": st.sampled_from([TRACE, "00-0-0-00"]),
    "Cookie": any_text,
}
header = st.sampled_from(sorted(values)).flatmap(
    lambda name: st.tuples(
        st.sampled_from([name, name.lower(), name.upper()]), st.builds("{}{}".format, values[name], spaces)
    )
)
usual = st.tuples(
    st.tuples(st.just("X-Gateway-Token"), st.sampled_from([TOKEN, TOKEN, TOKEN + " ", NGINX_TOKEN + "\t"])),
    st.tuples(st.just("x-api-key"), st.sampled_from([VENDOR_KEY.secret, OTHER_VENDOR_KEY.secret])),
    st.tuples(st.just("A-api-key"), secrets),
).map(list)
told = st.tuples(
    st.tuples(st.just("X-Forwarded-Method"), methods | any_text),
    st.tuples(st.just("X-Forwarded-Uri"), paths | any_text),
).map(list)


class _Nobody:
    async def authenticate(self, authorization: str | None) -> Caller | TokenRejected:
        return TokenRejected(detail="nobody's token")


@dataclass(frozen=True, slots=True)
class Both:
    """An authz server, and the port where the same questions are asked over aiohttp."""

    bed: Bed
    endpoint_port: int

    async def answers(self, sent: bytes) -> list[Comparable]:
        """Return both answers to the same bytes, with their records."""
        return [await self._answer(port, sent) for port in (self.bed.port, self.endpoint_port)]

    async def _answer(self, port: int, sent: bytes) -> Comparable:
        before = len(self.bed.heart.records())
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            writer.write(sent)
            async with asyncio.timeout(WITHIN_S):
                got = await reader.read()
        finally:
            writer.close()
        head, _, body = EVENT_ID.sub("", got.decode("latin-1")).partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return Comparable(
            status=int(first.split(" ")[1]),
            headers={name: value for name, value in headers.items() if name not in SERVERS_OWN},
            body=body,
            recorded=[_plain(each) for each in self.bed.heart.records()[before:]],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparable:
    """An answer and its record, without the parts that always differ."""

    status: int
    headers: Mapping[str, str]
    body: str
    recorded: list[AccessEvent]


def _plain(event: AccessEvent) -> AccessEvent:
    return replace(event, event_id=EventId(""), seq=0)


@pytest.fixture(scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    """The two ways to ask one gatekeeper."""
    async with serve_in(tmp_path_factory.mktemp("both")) as bed:
        routes = AuthzEndpoint(bed.heart.authz).routes()
        limits = RateLimits(commands_max=0, failures_max=0)
        app = build_app(
            "gatekeeper", routes, auth=_Nobody(), health=Health(), clock=bed.heart.clock, limits=limits
        )
        async with serve_http(app, HOST, 0, drain_timeout_s=1) as port:
            yield Both(bed, port)


@settings(max_examples=100, deadline=None)
@given(
    method=methods,
    path=st.just("") | st.just("?x=1") | paths,
    own=usual | st.just([]),
    told=told | st.just([]),
    more=st.lists(header, max_size=4),
)
async def test_both_ways_to_ask_are_answered_alike(
    both: Both,
    method: str,
    path: str,
    own: list[tuple[str, str]],
    told: list[tuple[str, str]],
    more: list[tuple[str, str]],
) -> None:
    """Status, headers, body and record are the same, whatever method, target and headers are sent."""
    headers = [("Host", "h"), ("Connection", "close"), *more[:2], *own, *told, *more[2:]]
    lines = [f"{method} /authz{path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    server, endpoint = await both.answers("\r\n".join(lines).encode("latin-1"))
    assert server == endpoint
