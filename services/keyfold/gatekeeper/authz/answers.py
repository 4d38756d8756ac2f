"""Answers to a gateway: every header that it must overwrite, and no more bytes than it reads."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson
from msgspec import Struct

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.rate_limit import Taken
from keyfold.gatekeeper.authz.explanations import JOURNAL_UNAVAILABLE, explanations
from keyfold.gatekeeper.authz.rate_limiter import rate_limit_headers
from keyfold.gatekeeper.authz.request.presented_keys import KeyHeaders
from keyfold.gatekeeper.gateways import TOKEN_HEADER, Gateway, GatewayKind
from keyfold.gatekeeper.statuses import STATUSES
from keyfold.runtime.http.problem import MEDIA_TYPE, TYPE_PREFIX

REASON_HEADER: Final = "X-Keyfold-Reason"
DECISION_HEADER: Final = "X-Keyfold-Decision"
# Identity must never be taken from a client: each of these is in every allow, so that a gateway that copies
# them always overwrites what the client sent under the same name.
IDENTITY_HEADERS: Final = (
    "X-Keyfold-Account",
    "X-Keyfold-Key",
    "X-Keyfold-Vendor",
    "X-Keyfold-Category",
    "X-Keyfold-Access",
    DECISION_HEADER,
    "X-Keyfold-Position",
)
# A cached allow would outlive a revocation.
_NEVER_CACHED: Final = {"Cache-Control": "no-store"}
_RETRY_AFTER_S: Final = "1"
_IDENTITY: Final = "".join(f"{name}: %s\r\n" for name in IDENTITY_HEADERS)


class AuthzAnswer(Struct, frozen=True, gc=False):
    """What goes back to the gateway, whichever server carries it; `head` has a line for each header."""

    status: int
    head: str
    body: bytes = b""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers by their names."""
        pairs = (line.partition(": ") for line in self.head.splitlines())
        return {name: value for name, _, value in pairs}


class Answers:
    """Writes answers; what does not depend on the request is written once."""

    def __init__(self, names: KeyHeaders) -> None:
        removed = f"{names.vendor},{names.subscriber}"
        self._allowed = _allowed(removed)
        self._allowed_in_authorization = _allowed(f"{removed},authorization")
        self._explanations = explanations(names)

    def allow(self, event: AccessEvent, *, in_authorization: bool) -> AuthzAnswer:
        """Let the request pass, with the identity that was proven, and the keys taken out of it."""
        category, access = event.category, event.access
        if category is None or access is None:
            raise ValueError("a decision that allows names its category and access")
        allowed = self._allowed_in_authorization if in_authorization else self._allowed
        return AuthzAnswer(
            200,
            allowed
            % (
                event.account_id,
                event.key_id,
                event.vendor_id,
                category,
                access.word,
                event.event_id,
                event.position,
            ),
        )

    def deny(
        self, reason: Reason, event_id: str, gateway: Gateway, taken: Taken | None = None
    ) -> AuthzAnswer:
        """Refuse the request with its reason; `taken` says how a rate limit stands."""
        status: int = STATUSES[reason]
        headers = {REASON_HEADER: reason.value, DECISION_HEADER: event_id, **_NEVER_CACHED}
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Keyfold"
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = _RETRY_AFTER_S
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            status = gateway.rate_limited_status
        if taken is not None:
            headers |= rate_limit_headers(taken)
        explanation = self._explanations[reason]
        return _problem(status, reason.value, explanation, headers, gateway.kind, f"urn:uuid:{event_id}")

    def journal_unavailable(self, kind: GatewayKind) -> AuthzAnswer:
        """Refuse a request whose decision could not be written down."""
        headers = {REASON_HEADER: "journal_unavailable", "Retry-After": _RETRY_AFTER_S, **_NEVER_CACHED}
        return _problem(503, "journal_unavailable", JOURNAL_UNAVAILABLE, headers, kind)

    def unknown_gateway(self) -> AuthzAnswer:
        """Refuse whoever is no gateway; nothing was decided, and nothing is told about keys."""
        detail = f"Whoever asks here must be a gateway: send its token in `{TOKEN_HEADER}`."
        headers = {"WWW-Authenticate": "Keyfold-Gateway", **_NEVER_CACHED}
        return _problem(401, "unknown_gateway", detail, headers, GatewayKind.FORWARDED)

    def failed(self) -> AuthzAnswer:
        """Refuse a request on which the decision itself failed."""
        headers = dict(_NEVER_CACHED)
        return _problem(500, "internal_error", "The fault is ours.", headers, GatewayKind.FORWARDED)


def _allowed(removed: str) -> str:
    return f"{_IDENTITY}x-envoy-auth-headers-to-remove: {removed}\r\nCache-Control: no-store\r\n"


def _problem(
    status: int,
    reason: str,
    detail: str,
    headers: dict[str, str],
    kind: GatewayKind,
    instance: str | None = None,
) -> AuthzAnswer:
    if kind is GatewayKind.ORIGINAL:
        # nginx discards the body of an answer by closing the connection that it came on.
        return AuthzAnswer(status, _head(headers))
    slug = reason.replace("_", "-")
    members = {
        "type": TYPE_PREFIX + slug,
        "title": slug.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "reason": reason,
    }
    if instance is not None:
        members["instance"] = instance
    return AuthzAnswer(status, _head({**headers, "Content-Type": MEDIA_TYPE}), orjson.dumps(members))


def _head(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
