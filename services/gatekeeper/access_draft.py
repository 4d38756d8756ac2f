"""The access event of a decision, complete but for its place in the journal."""

import re
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import quote

from libs.domain.access_event import AccessEvent
from libs.domain.decision import Decision
from libs.domain.ids import EventId
from services.gatekeeper.headers import Headers
from services.gatekeeper.journal import Draft
from services.gatekeeper.original_request import OriginalRequest

PATH_LENGTH_MAX: Final = 2048
_METHOD_LENGTH_MAX: Final = 32
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
# W3C Trace Context, level 1: neither an id of zeros nor version ff is valid.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)


def access_draft(
    decision: Decision,
    original: OriginalRequest,
    headers: Headers,
    *,
    event_id: str,
    at: datetime,
    position: int,
    gateway: str,
    client_ip: str | None,
) -> Draft:
    """Return the access event that lacks its gatekeeper and number. The query string is left out, always."""
    return partial(
        AccessEvent,
        event_id=EventId(event_id),
        at=at,
        account_id=decision.account_id,
        key_id=decision.key_id,
        vendor_id=decision.vendor_id,
        vendor_key_id=decision.vendor_key_id,
        category=decision.category,
        access=decision.access,
        method=_printable(original.method, _METHOD_LENGTH_MAX),
        path=_printable(original.target.partition("?")[0], PATH_LENGTH_MAX),
        reason=decision.reason,
        position=position,
        gateway=gateway,
        client_ip=client_ip,
        traceparent=_traceparent(headers),
    )


def _printable(text: str, length_max: int) -> str:
    # It may be no text at all, and logs are read on terminals: beyond printable ASCII, its bytes are written.
    if not (text.isascii() and text.isprintable()):
        text = quote(text[:length_max].encode("utf-8", "surrogateescape"), safe=_PRINTABLE)
    return text[:length_max]


def _traceparent(headers: Headers) -> str | None:
    given = headers.getall("traceparent", [])
    return given[0] if len(given) == 1 and _TRACEPARENT.fullmatch(given[0]) else None
