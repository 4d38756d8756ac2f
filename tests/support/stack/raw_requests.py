"""Requests as bytes, changed as no HTTP client would allow, and the answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import orjson

WITHIN_S: Final = 20.0
STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")
PROBE: Final = b"GET /livez HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
Lines = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """A request of which any part may be wrong."""

    method: str
    target: bytes
    lines: Lines
    body: bytes = b""

    def with_line(self, name: bytes, value: bytes) -> RawRequest:
        """Return the request with this header instead of its own."""
        kept = [line for line in self.lines if line[0].lower() != name.lower()]
        return replace(self, lines=[*kept, (name, value)])

    def with_end(self, end: bytes) -> RawRequest:
        """Return the request with this at the end of its target."""
        return replace(self, target=self.target + end)

    @property
    def sent(self) -> bytes:
        """The bytes to send."""
        head = [b"%s %s HTTP/1.1" % (self.method.encode(), self.target)]
        head += [b"%s: %s" % line for line in self.lines]
        return b"\r\n".join([*head, b"", b""]) + self.body


def raw_request(method: str, target: str, headers: Mapping[str, str], body: object, form: str) -> RawRequest:
    """Return a valid request."""
    content = b"" if body is None else orjson.dumps(body)
    kind = "application/json"
    if form:
        content, kind = form.encode(), "application/x-www-form-urlencoded"
    lines = {"Host": "h", **headers}
    if content:
        lines |= {"Content-Type": kind, "Content-Length": str(len(content))}
    encoded = [(name.encode(), value.encode()) for name, value in lines.items()]
    return RawRequest(method=method, target=target.encode(), lines=encoded, body=content)


async def exchange(port: int, *pieces: bytes, is_endless: bool = False) -> list[int]:
    """Send pieces one after the other, a read between them, and return the statuses of all that is answered.

    Reads until the connection is closed, of an answer without an end only its head.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    try:
        async with asyncio.timeout(WITHIN_S):
            for piece in pieces[:-1]:
                writer.write(piece)
                got += await reader.readuntil(b"\r\n\r\n")
            writer.write(pieces[-1])
            got += await (reader.readuntil(b"\r\n\r\n") if is_endless else reader.read())
    except (ConnectionError, asyncio.IncompleteReadError) as broken:
        got += getattr(broken, "partial", b"")
    finally:
        writer.close()
    return [int(status) for status in STATUS.findall(got) if status != b"100"]


def strange_lines() -> Iterator[tuple[bytes, bytes]]:
    """Yield strange values for all headers: alone, and within what is expected there."""
    for name in _HEADERS:
        before, after = _AROUND.get(name.lower(), (b"", b""))
        for value in _STRANGE:
            for each in dict.fromkeys((value, before + value + after)):
                yield name.encode(), each


_AROUND: Final[Mapping[str, tuple[bytes, bytes]]] = {
    "authorization": (b"Bearer ", b""),
    "content-type": (b"application/json; charset=", b""),
    "prefer": (b"wait=1, ", b"=2"),
    "if-match": (b'"1", "', b'"'),
    "if-none-match": (b'W/"', b'"'),
    "traceparent": (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b""),
    "tracestate": (b"a=b,", b"=c"),
    "cookie": (b"a=", b"; b"),
    "host": (b"h:", b""),
    "x-forwarded-uri": (b"/v1/patient/", b"?x"),
    "x-forwarded-for": (b"192.0.2.1, ", b""),
    "range": (b"bytes=0-", b""),
}
_HEADERS: Final = (
    *(
        "Authorization",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "Idempotency-Key",
        "Prefer",
        "Range",
    ),
    *("Last-Event-ID", "traceparent", "tracestate", "Accept", "Accept-Encoding", "Content-Type", "Expect"),
    *("Content-Encoding", "Content-Length", "Transfer-Encoding", "Cookie", "Host", "X-Forwarded-For"),
    *("X-Forwarded-Method", "X-Forwarded-Uri", "X-Gateway-Token", "x-api-key", "A-api-key", "X-Request-Id"),
    *("User-Agent", "Connection", "Upgrade", "Origin"),
)
_STRANGE: Final = (
    *(b"\xe9", b"\xff\xfe", b"\xed\xa0\x80", "é".encode(), "٣".encode(), "\U0001fae8".encode(), b"\xc0\x80"),
    *(b"", b" ", b"\t", b'"', b",", b"*", b"%", b"\\", b"=", b";", b"-1", b"0", b"null", b"\x7f", b"\x00"),
    *(
        b"\x01",
        b"\x0b",
        b"\x1b[31m",
        b"\x85",
        b"\xa0",
        b"9" * 400,
        b"x" * 20_000,
        b"\x80" * 9000,
        b"," * 5000,
    ),
)
STRANGE_ENDS: Final = (
    *(b"\xe9", b"%ff", b"%00", b"%ed%a0%80", b"%c3%a9", b"%", b"%zz", b"%0d%0aX:%20y", b"%2f..%2f", b"\x80"),
    *(
        b"?\xff=\xfe",
        b"?limit=%ff",
        b"?a=%00",
        b"?%ed%a0%80=1",
        b"?limit=\xd9\xa3",
        b"?" + b"x" * 9000,
        b"?=&&=",
    ),
    *(b"#\xe9", b"//[", b"[", b"\\", b"^", b"|", b"<>", b'"', b"\x7f", b"\x01", b"?limit=" + b"9" * 5000),
)
