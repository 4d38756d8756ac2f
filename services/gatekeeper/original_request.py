"""What the original request was: told by exactly one source, or not told at all."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from services.gatekeeper.gateways import GatewayKind
from services.gatekeeper.headers import Headers

PREFIX: Final = "/authz"

_HEADERS: Final = {
    GatewayKind.FORWARDED: ("X-Forwarded-Method", "X-Forwarded-Uri"),
    GatewayKind.ORIGINAL: ("X-Original-Method", "X-Original-URI"),
}


def _spellings(*names: str) -> Iterator[str]:
    # Upstreams that read headers as CGI variables take an underscore for a hyphen.
    for name in names:
        for marks in product("-_", repeat=name.count("-")):
            yield "".join(part + mark for part, mark in zip(name.split("-"), (*marks, ""), strict=True))


_METHOD_OVERRIDES: Final = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
# `X-Original-URL` is a client's own, except where ingress-nginx sends it with the pair of its kind.
_OVERRIDES: Final = {
    GatewayKind.FORWARDED: tuple(_spellings(*_METHOD_OVERRIDES, "X-Rewrite-URL", "X-Original-URL")),
    GatewayKind.ORIGINAL: tuple(_spellings(*_METHOD_OVERRIDES, "X-Rewrite-URL")),
}
# Methods are case-sensitive (RFC 9110, section 9.1): an upstream that takes `get` for GET is not guessed at.
_METHOD: Final = re.compile(r"[A-Z][A-Z_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalRequest:
    """The method and target that the client sent. `is_clear` is false where they cannot be told for certain;
    then they are what is known, fit for the record alone, and `lacks` says what the gateway should send.
    """

    method: str
    target: str
    is_clear: bool
    lacks: str | None = None


def original_request(kind: GatewayKind, method: str, raw_path: str, headers: Headers) -> OriginalRequest:
    """Return what was asked for: by the path after `/authz` if there is one, else by the gateway's headers.

    `raw_path` is the target of the request to the gatekeeper, byte for byte as it was sent. Sources are never
    merged and never stand in for each other, for gateways pass a client's own copies of these headers on.
    """
    original = _told(kind, method, raw_path, headers)
    if original.is_clear and _is_overridden(kind, headers):
        # An upstream may obey the override, and then does something else than what was decided on.
        return OriginalRequest(method=original.method, target=original.target, is_clear=False)
    return original


def _told(kind: GatewayKind, method: str, raw_path: str, headers: Headers) -> OriginalRequest:
    rest = raw_path.removeprefix(PREFIX)
    if raw_path.startswith(PREFIX) and rest.startswith("/"):
        return _of(method, rest)
    if raw_path.startswith(PREFIX) and (not rest or rest.startswith("?")):
        return _by_headers(_HEADERS[kind], headers)
    return OriginalRequest(
        method=method, target=raw_path, is_clear=False, lacks="a target that starts with /authz, not encoded"
    )


def _by_headers(names: tuple[str, str], headers: Headers) -> OriginalRequest:
    methods, targets = (headers.getall(name, []) for name in names)
    if len(methods) == 1 and len(targets) == 1:
        return _of(methods[0], targets[0])
    lacks = "; ".join(
        f"{name} {'is missing' if not values else 'is there more than once'}"
        for name, values in zip(names, (methods, targets), strict=True)
        if len(values) != 1
    )
    method = methods[0] if len(methods) == 1 else ""
    target = targets[0] if len(targets) == 1 else ""
    return OriginalRequest(method=method, target=target, is_clear=False, lacks=lacks)


def _of(method: str, target: str) -> OriginalRequest:
    return OriginalRequest(method=method, target=target, is_clear=_METHOD.fullmatch(method) is not None)


def _is_overridden(kind: GatewayKind, headers: Headers) -> bool:
    return any(name in headers for name in _OVERRIDES[kind])
