"""What the original request was, from exactly one source, or not known at all."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain, product
from typing import Final

from msgspec import Struct

from keyfold.gatekeeper.authz.request.headers import Fields
from keyfold.gatekeeper.gateways import GatewayKind

PREFIX: Final = "/authz"

_PAIRS: Final = {
    GatewayKind.FORWARDED: ("X-Forwarded-Method", "X-Forwarded-Uri"),
    GatewayKind.ORIGINAL: ("X-Original-Method", "X-Original-URI"),
}
_FIELDS: Final[Mapping[GatewayKind, tuple[str, str]]] = {
    kind: (method.lower(), target.lower()) for kind, (method, target) in _PAIRS.items()
}


def _spellings(*names: str) -> Iterator[str]:
    # Upstreams that read headers as CGI variables treat an underscore like a hyphen.
    for name in names:
        for marks in product("-_", repeat=name.count("-")):
            yield "".join(part + mark for part, mark in zip(name.split("-"), (*marks, ""), strict=True))


_METHOD_OVERRIDES: Final = ("x-http-method-override", "x-http-method", "x-method-override")
# `X-Original-URL` comes from a client, except where ingress-nginx sends it with the headers of its kind.
_OVERRIDES: Final = {
    GatewayKind.FORWARDED: frozenset(_spellings(*_METHOD_OVERRIDES, "x-rewrite-url", "x-original-url")),
    GatewayKind.ORIGINAL: frozenset(_spellings(*_METHOD_OVERRIDES, "x-rewrite-url")),
}
FIELD_NAMES: Final = frozenset(chain(*_FIELDS.values(), *_OVERRIDES.values()))
"""The fields that describe the original request, or contradict it."""

# Methods are case-sensitive (RFC 9110, section 9.1): no guess whether an upstream takes `get` for GET.
_METHOD: Final = re.compile(r"[A-Z][A-Z_-]{0,31}")


class OriginalRequest(Struct, frozen=True, gc=False):
    """The method and target that the client sent.

    `is_clear` is false if they are not known for certain; then they are fit for the record alone, and `lacks`
    says what the gateway should send.
    """

    method: str
    target: str
    is_clear: bool
    lacks: str | None = None


def read_original_request(kind: GatewayKind, method: str, raw_target: str, fields: Fields) -> OriginalRequest:
    """Return the original request, from the path after `/authz` if there is one, else from the headers.

    `raw_target` is the target of the request to the gatekeeper, byte for byte as it was sent. Sources are
    never merged and never replace each other, because gateways pass on a client's own copies of these
    headers.
    """
    original = _read_source(kind, method, raw_target, fields)
    if original.is_clear and not _OVERRIDES[kind].isdisjoint(fields):
        # An upstream may obey the override and do something else than what was decided on.
        return OriginalRequest(original.method, original.target, False)
    return original


def _read_source(kind: GatewayKind, method: str, raw_target: str, fields: Fields) -> OriginalRequest:
    if raw_target == PREFIX or raw_target.startswith(f"{PREFIX}?"):
        return _read_fields(kind, fields)
    if raw_target.startswith(f"{PREFIX}/"):
        return _make(method, raw_target[len(PREFIX) :])
    return OriginalRequest(method, raw_target, False, "a target that starts with /authz, not encoded")


def _read_fields(kind: GatewayKind, fields: Fields) -> OriginalRequest:
    name_of_method, name_of_target = _FIELDS[kind]
    methods, targets = fields.get(name_of_method, ()), fields.get(name_of_target, ())
    if len(methods) == 1 and len(targets) == 1:
        return _make(methods[0], targets[0])
    lacks = "; ".join(
        f"{name} {'is missing' if not values else 'is there more than once'}"
        for name, values in zip(_PAIRS[kind], (methods, targets), strict=True)
        if len(values) != 1
    )
    method = methods[0] if len(methods) == 1 else ""
    target = targets[0] if len(targets) == 1 else ""
    return OriginalRequest(method, target, False, lacks)


def _make(method: str, target: str) -> OriginalRequest:
    return OriginalRequest(method, target, _METHOD.fullmatch(method) is not None)
