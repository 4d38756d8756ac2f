"""The access event of a decision: what is kept of the question, and in which form."""

import re
from datetime import datetime
from typing import Final
from urllib.parse import quote

from libs.domain.access_event import AccessEvent
from libs.domain.decision import Decision
from libs.domain.ids import EventId
from libs.domain.request_path import PATH_LENGTH_MAX
from services.gatekeeper.headers import Headers
from services.gatekeeper.question import Question
from services.gatekeeper.redaction import without_secrets

_METHOD_LENGTH_MAX: Final = 32
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
# W3C Trace Context, level 1: neither an id of zeros nor version ff is valid.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)


def access_event(
    decision: Decision,
    question: Question,
    *,
    event_id: str,
    at: datetime,
    position: int,
    gatekeeper: str,
    seq: int,
) -> AccessEvent:
    """Return the record of a decision. The query string is left out, always, and so is a secret elsewhere."""
    return AccessEvent(
        event_id=EventId(event_id),
        at=at,
        account_id=decision.account_id,
        key_id=decision.key_id,
        vendor_id=decision.vendor_id,
        vendor_key_id=decision.vendor_key_id,
        category=decision.category,
        access=decision.access,
        method=_printable(without_secrets(question.original.method), _METHOD_LENGTH_MAX),
        path=_printable(without_secrets(question.original.target.partition("?")[0]), PATH_LENGTH_MAX),
        reason=decision.reason,
        position=position,
        gateway=question.gateway.name,
        client_ip=question.client_ip,
        gatekeeper=gatekeeper,
        seq=seq,
        traceparent=_traceparent(question.headers),
    )


def _printable(text: str, length_max: int) -> str:
    # It may be no text at all, and logs are read on terminals: beyond printable ASCII, its bytes are written.
    if not (text.isascii() and text.isprintable()):
        text = quote(text[:length_max].encode("utf-8", "surrogateescape"), safe=_PRINTABLE)
    return text[:length_max]


def _traceparent(headers: Headers) -> str | None:
    given = headers.getall("traceparent", [])
    return given[0] if len(given) == 1 and _TRACEPARENT.fullmatch(given[0]) else None
