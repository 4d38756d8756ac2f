"""The access event of a decision: what is kept of the question, and in which form."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from libs.domain.access_event import AccessEvent
from libs.domain.decision import Decision
from libs.domain.ids import EventId
from libs.domain.request_path import PATH_LENGTH_MAX
from services.gatekeeper.headers import Fields
from services.gatekeeper.question import TRACEPARENT, Question
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
    original, fields = question.original, question.fields
    reason, account_id, key_id, vendor_id, vendor_key_id, category, access = decision
    # By place: to name seventeen arguments costs more than everything else here.
    return AccessEvent(
        EventId(event_id),
        at,
        account_id,
        key_id,
        vendor_id,
        vendor_key_id,
        category,
        access,
        _method(original.method),
        _printable(without_secrets(original.target.partition("?")[0]), PATH_LENGTH_MAX),
        reason,
        position,
        question.gateway.name,
        question.client_ip,
        gatekeeper,
        seq,
        _traceparent(fields) if TRACEPARENT in fields else None,
    )


@lru_cache(maxsize=64)
def _method(method: str) -> str:
    return _printable(without_secrets(method), _METHOD_LENGTH_MAX)


def _printable(text: str, length_max: int) -> str:
    # It may be no text at all, and logs are read on terminals: beyond printable ASCII, its bytes are written.
    if not (text.isascii() and text.isprintable()):
        text = quote(text[:length_max].encode("utf-8", "surrogateescape"), safe=_PRINTABLE)
    return text[:length_max]


def _traceparent(fields: Fields) -> str | None:
    given = fields[TRACEPARENT]
    return given[0] if len(given) == 1 and _TRACEPARENT.fullmatch(given[0]) else None
