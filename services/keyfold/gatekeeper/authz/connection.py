"""One connection of a gateway: llhttp parses its requests, and answers go out in their order."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final, Protocol, cast

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.authz.answers import AuthzAnswer
from keyfold.gatekeeper.authz.authorizer import Authz
from keyfold.gatekeeper.authz.request.headers import FieldNames, FieldReader, Fields
from keyfold.runtime.http.reading.request import is_host
from keyfold.runtime.sharing.connection_budget import ConnectionBudget
from keyfold.runtime.sharing.hosts import name_peer

UNFINISHED_BYTES_MAX: Final = 64 * 1024
"""How much of an unfinished head, or of an unread body, may arrive before the connection closes."""

PIPELINED_MAX: Final = 128
"""How many questions may wait for an answer on one connection: answers are larger than questions."""

_PIECE_BYTES: Final = 16 * 1024  # how much is parsed at once: no bound is exceeded by more
_VERSIONS: Final = frozenset({"1.1", "1.0"})  # the parser knows 0.9 and 2.0 too, and reads them like these
_HOST, _LENGTH, _ENCODING, _EXPECT = "host", "content-length", "transfer-encoding", "expect"
OWN_FIELDS: Final = (_HOST, _LENGTH, _ENCODING, _EXPECT)
_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class ConnectionHost(Protocol):
    """What a connection needs of its server.

    `field_names` are the fields that answers depend on; `kept_alive` and `given_up` are the lines of a head
    that all answers share.
    """

    authz: Authz
    field_names: FieldNames
    now_s: float
    is_draining: bool
    kept_alive: str
    given_up: str
    budget: ConnectionBudget


class AuthzConnection(asyncio.Protocol):
    """Asks as soon as a head is complete, without its body, and answers in the order of the questions.

    It `is_over` once it takes no further question, and `is_unread` while answers wait for their reader.
    `began_s`, on the server's clock, is when the current wait began. It `was_asked` once a head was complete.
    """

    __slots__ = (
        "_ask",
        "_is_half_closed",
        "_is_in_body",
        "_parser",
        "_reader",
        "_refusal",
        "_server",
        "_target",
        "_transport",
        "_unanswered",
        "_unfinished_bytes",
        "began_s",
        "is_over",
        "is_unread",
        "on_header",
        "was_asked",
    )

    def __init__(self, server: ConnectionHost) -> None:
        self._server = server
        self._ask = server.authz.ask
        self._transport: asyncio.Transport | None = None
        self._parser: HttpRequestParser | None = None
        self._reader: FieldReader = server.field_names.reader()
        self.on_header = self._reader.read  # the parser calls it for each line, with nothing in between
        self._target = b""
        self._unfinished_bytes = 0
        self._unanswered = 0
        self._refusal: int | None = None
        self._is_in_body = False
        self._is_half_closed = False
        self.began_s = server.now_s
        self.is_over = False
        self.is_unread = False
        self.was_asked = False

    @property
    def used_s(self) -> float:
        """When the current wait began."""
        return self.began_s

    @property
    def is_busy(self) -> bool:
        """Whether a question waits for its answer."""
        return self._unanswered > 0

    @property
    def is_arriving(self) -> bool:
        """Whether a request has arrived in part."""
        # A head that began in the data where another request ended has no bytes counted, but a target.
        return self._unfinished_bytes > 0 or self._is_in_body or self._target != b""

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, in place of another connection if there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = HttpRequestParser(self)
        self._server.budget.admit(self, name_peer(self._transport))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; answers that are under way go nowhere."""
        self._server.budget.release(self)
        # Parser and connection refer to each other.
        self._transport = self._parser = None
        self.is_over = True

    def data_received(self, data: bytes) -> None:
        """Parse what came; each complete head is a question."""
        parser = self._parser
        if self.is_over or parser is None:
            return
        if len(data) > _PIECE_BYTES:
            for start in range(0, len(data), _PIECE_BYTES):
                self.data_received(data[start : start + _PIECE_BYTES])
            return
        if not (self._unfinished_bytes or self._is_in_body or self._target):
            self.began_s = self._server.now_s
        self._unfinished_bytes += len(data)
        try:
            parser.feed_data(data)
        except HttpParserUpgrade:
            self.is_over = True  # its question is asked; no other protocol is spoken here
            self._end_if_answered()
        except HttpParserCallbackError:
            self.abort()
            raise
        except HttpParserError as fault:
            metrics.MALFORMED.labels(type(fault).__name__).inc()
            self.refuse(400)
        else:
            if self._unfinished_bytes > UNFINISHED_BYTES_MAX:
                metrics.MALFORMED.labels("too long").inc()
                self.refuse(431)
            elif self._unanswered and self._server.is_draining:
                self.is_over = True

    def eof_received(self) -> bool:
        """Keep the connection until every question is answered."""
        self.is_over = self._is_half_closed = True
        return self._unanswered > 0

    def pause_writing(self) -> None:
        """Take no more questions from a client that does not read the answers."""
        self.is_unread, self.began_s = True, self._server.now_s
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Take questions again."""
        self.is_unread = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # What the parser calls.

    def on_url(self, part: bytes) -> None:
        """Add a part of the request's target."""
        self._target += part

    def on_headers_complete(self) -> None:
        """Ask the question that the head holds, or refuse a head that is no HTTP/1 request for one host."""
        parser = self._parser
        if self.is_over or parser is None:
            return
        fields = self._reader.take()
        target, self._target = self._target, b""
        version = parser.get_http_version()
        if version not in _VERSIONS or not _is_addressed(fields, version):
            self.refuse(400)
            return
        self._unfinished_bytes, self._is_in_body = 0, True
        self.was_asked = True
        self._unanswered += 1
        method = parser.get_method()
        if (
            self._unanswered >= PIPELINED_MAX
            or not parser.should_keep_alive()
            or not _has_body_to_skip(fields)
        ):
            self.is_over = True
        exchange = _ToHead(self) if method == b"HEAD" else self
        self._ask(exchange, method.decode("ascii"), target.decode("utf-8", "surrogateescape"), fields)

    def on_message_complete(self) -> None:
        """Expect the next request."""
        self._unfinished_bytes, self._is_in_body = 0, False

    # What answers.

    def recognise(self, gateway: str) -> None:
        """Note whose token came: such a connection is not closed for a stranger's."""
        self._server.budget.recognise(self, gateway)

    def respond(self, answer: AuthzAnswer) -> None:
        """Send an answer, the connection's last if it takes no further question."""
        self.send(answer, answer.body)

    def send(self, answer: AuthzAnswer, body: bytes) -> None:
        """Send an answer with this body, which is empty for HEAD."""
        self._unanswered -= 1
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        is_last = self.is_over and not self._unanswered
        rest = self._server.given_up if is_last and self._refusal is None else self._server.kept_alive
        length = f"Content-Length: {len(answer.body)}\r\n\r\n"
        text = f"{_LINES[answer.status]}{answer.head}{rest}{length}"
        transport.write(text.encode("latin-1") + body)
        if is_last:
            self._end_if_answered()

    def refuse(self, status: int) -> None:
        """Close with this status after the answers that are due; without it in a body, or once it is over."""
        self._refusal = None if self._is_in_body or self.is_over else status
        self.close()

    def close(self) -> None:
        """Close, once every question is answered."""
        self.is_over = True
        self.began_s = self._server.now_s
        self._end_if_answered()

    def drain(self) -> None:
        """Take no more than the questions asked already; if there are none, wait anew for one on its way."""
        self.is_over = self.is_over or self._unanswered > 0
        self.began_s = self._server.now_s

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    displace = abort

    def _end_if_answered(self) -> None:
        transport = self._transport
        if self._unanswered or transport is None or transport.is_closing():
            return
        if self._refusal is not None:
            transport.write(self._bodiless(self._refusal))
        self.began_s = self._server.now_s
        if self._is_half_closed:
            transport.close()
        else:
            # What still comes is discarded: closing now could destroy answers in flight (RFC 9112, section
            # 9.6).
            transport.write_eof()

    def _bodiless(self, status: int) -> bytes:
        return f"{_LINES[status]}{self._server.given_up}Content-Length: 0\r\n\r\n".encode("latin-1")


def _is_addressed(fields: Fields, version: str) -> bool:
    # One Host, and only HTTP/1.0 may leave it out (RFC 9112, section 3.2).
    if _HOST not in fields:
        return version == "1.0"
    hosts = fields[_HOST]
    return len(hosts) == 1 and is_host(hosts[0])


def _has_body_to_skip(fields: Fields) -> bool:
    # A body is skipped if its end is near. Reading to the end of a longer one takes as long as its sender
    # likes, and a client that expects `100 Continue` may send something else in place of its body.
    if _ENCODING in fields:
        return False
    if _LENGTH not in fields:
        return True
    length = int(fields[_LENGTH][0])
    return length <= UNFINISHED_BYTES_MAX and (length == 0 or _EXPECT not in fields)


class _ToHead:
    """A question asked with HEAD: its answer has no body, only its length."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AuthzConnection) -> None:
        self._connection = connection

    def recognise(self, gateway: str) -> None:
        self._connection.recognise(gateway)

    def respond(self, answer: AuthzAnswer) -> None:
        self._connection.send(answer, b"")
