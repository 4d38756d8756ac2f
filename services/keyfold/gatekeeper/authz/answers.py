"""Answers to a gateway: with every header that it must overwrite, and without a body that it cannot read."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson
from msgspec import Struct

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.rate_limit import Taken
from keyfold.gatekeeper.authz.rate_limiter import rate_limit_headers
from keyfold.gatekeeper.authz.request.presented_keys import KeyHeaders
from keyfold.gatekeeper.gateways import TOKEN_HEADER, Gateway, GatewayKind
from keyfold.gatekeeper.reasons import DENIALS, JOURNAL_UNAVAILABLE, STATUSES
from keyfold.runtime.http.problem import MEDIA_TYPE, TYPE_PREFIX

REASON_HEADER: Final = "X-Keyfold-Reason"
DECISION_HEADER: Final = "X-Keyfold-Decision"
# Identity must never come from a client: every allow has all of these, so that a gateway that copies them
# always overwrites what the client sent under the same name.
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
    """What goes back to the gateway, by either server; `head` has a line for each header."""

    status: int
    head: str
    body: bytes = b""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers by name."""
        pairs = (line.partition(": ") for line in self.head.splitlines())
        return {name: value for name, _, value in pairs}


class Answers:
    """Writes answers; the parts that no request changes are written once."""

    def __init__(self, names: KeyHeaders) -> None:
        removed = f"{names.vendor},{names.subscriber}"
        self._allow_head = _allow_head(removed)
        self._allow_head_in_authorization = _allow_head(f"{removed},authorization")
        self._explanations = {
            reason: answer.explanation.format(vendor=names.vendor, subscriber=names.subscriber)
            for reason, answer in DENIALS.items()
        }

    def allow(self, event: AccessEvent, *, in_authorization: bool) -> AuthzAnswer:
        """Return an allow, with the proven identity and the headers from which the keys are to be removed."""
        category, access = event.category, event.access
        if category is None or access is None:
            raise ValueError("a decision that allows names its category and access")
        return AuthzAnswer(
            200,
            self._head(in_authorization)
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

    def allow_public(self, event: AccessEvent, *, in_authorization: bool) -> AuthzAnswer:
        """Return an allow for a public route: it says of nobody who asks, so every such header is empty."""
        nobody = ("",) * (len(IDENTITY_HEADERS) - 2)
        return AuthzAnswer(200, self._head(in_authorization) % (*nobody, event.event_id, event.position))

    def _head(self, in_authorization: bool) -> str:
        return self._allow_head_in_authorization if in_authorization else self._allow_head

    def deny(
        self, reason: Reason, event_id: str, gateway: Gateway, taken: Taken | None = None
    ) -> AuthzAnswer:
        """Return a denial with its reason; `taken` says how the key's rate limit stands."""
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
        """Return the answer to a request whose decision could not be journalled."""
        headers = {REASON_HEADER: "journal_unavailable", "Retry-After": _RETRY_AFTER_S, **_NEVER_CACHED}
        return _problem(503, "journal_unavailable", JOURNAL_UNAVAILABLE, headers, kind)

    def unknown_gateway(self) -> AuthzAnswer:
        """Return the answer to a caller that is no gateway: nothing is decided or said about keys."""
        detail = f"Whoever asks here must be a gateway: send its token in `{TOKEN_HEADER}`."
        headers = {"WWW-Authenticate": "Keyfold-Gateway", **_NEVER_CACHED}
        return _problem(401, "unknown_gateway", detail, headers, GatewayKind.FORWARDED)

    def failed(self) -> AuthzAnswer:
        """Return the answer to a request on which the decision itself failed."""
        headers = dict(_NEVER_CACHED)
        return _problem(500, "internal_error", "The fault is ours.", headers, GatewayKind.FORWARDED)


def _allow_head(removed: str) -> str:
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
        # nginx closes the connection of an answer whose body it discards.
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
