"""Makes the access event of a decision: what is kept of the question, and in which form."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from keyfold.domain.access.decision import Decision
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.request_path import PATH_LENGTH_MAX
from keyfold.domain.access.route_map import RouteMap
from keyfold.domain.ids import EventId
from keyfold.gatekeeper.authz.redaction import redact
from keyfold.gatekeeper.authz.request.headers import Fields
from keyfold.gatekeeper.authz.request.original_request import OriginalRequest
from keyfold.gatekeeper.authz.request.question import TRACEPARENT, AuthzQuestion

ANY_METHOD: Final = "*"
ANY_PATH: Final = "/**"
"""Recorded in place of a method or path: for many requests at once, or for a path without a route."""

_METHOD_LENGTH_MAX: Final = 32
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
# W3C Trace Context, level 1: neither an id of zeros nor version ff is valid.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)


def access_event(
    decision: Decision,
    question: AuthzQuestion,
    *,
    event_id: str,
    at: datetime,
    position: int,
    gatekeeper: str,
    seq: int,
    templates: RouteMap | None = None,
    policy: int | None = None,
) -> AccessEvent:
    """Return the record of a decision, never with the query string, nor with a secret from elsewhere.

    With the route map in `templates`, only the pattern of its route is kept of a path.
    """
    original, fields = question.original, question.fields
    # By position: naming seventeen arguments would cost more than everything else here.
    return AccessEvent(
        EventId(event_id),
        at,
        decision.account_id,
        decision.key_id,
        decision.vendor_id,
        decision.vendor_key_id,
        decision.category,
        decision.access,
        _method(original.method),
        _path(original.target) if templates is None else _template(original, templates),
        decision.reason,
        position,
        question.gateway.name,
        question.client_ip,
        gatekeeper,
        seq,
        _traceparent(fields) if TRACEPARENT in fields else None,
        1,
        policy,
    )


def aggregated_event(
    decision: Decision,
    gateway: str,
    network: str | None,
    *,
    event_id: str,
    at: datetime,
    position: int,
    gatekeeper: str,
    policy: int | None = None,
) -> AccessEvent:
    """Return the record of requests that are decided alike, before they are counted and it is numbered."""
    return AccessEvent(
        event_id=EventId(event_id),
        at=at,
        account_id=decision.account_id,
        key_id=decision.key_id,
        vendor_id=decision.vendor_id,
        vendor_key_id=decision.vendor_key_id,
        category=None,
        access=None,
        method=ANY_METHOD,
        path=ANY_PATH,
        reason=decision.reason,
        position=position,
        gateway=gateway,
        client_ip=network,
        gatekeeper=gatekeeper,
        seq=0,
        traceparent=None,
        policy=policy,
    )


def _path(target: str) -> str:
    return _printable(redact(target.partition("?")[0]), PATH_LENGTH_MAX)


def _template(original: OriginalRequest, route_map: RouteMap) -> str:
    # The record needs a route also where the keys alone decided and no route was looked for.
    route = route_map.read(original.method, original.target).route if original.is_clear else None
    return ANY_PATH if route is None else route.pattern


@lru_cache(maxsize=64)
def _method(method: str) -> str:
    return _printable(redact(method), _METHOD_LENGTH_MAX)


def _printable(text: str, length_max: int) -> str:
    # It may not be text at all, and logs are read on terminals: anything but printable ASCII is
    # percent-encoded.
    if not (text.isascii() and text.isprintable()):
        text = quote(text[:length_max].encode("utf-8", "surrogateescape"), safe=_PRINTABLE)
    return text[:length_max]


def _traceparent(fields: Fields) -> str | None:
    given = fields[TRACEPARENT]
    return given[0] if len(given) == 1 and _TRACEPARENT.fullmatch(given[0]) else None
