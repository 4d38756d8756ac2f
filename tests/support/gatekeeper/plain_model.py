"""What may be allowed, implemented a second time: slowly, simply, from the bytes on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final

from tests.support.gatekeeper.heart import NGINX_TOKEN, TOKEN
from tests.support.gatekeeper.practice import (
    KEY,
    NAMED_KEY,
    NETWORKED_KEY,
    NETWORKS,
    OTHER_VENDOR_KEY,
    VENDOR_KEY,
)

Headers = list[tuple[str, str]]

KINDS: Final = {TOKEN: "forwarded", NGINX_TOKEN: "original"}
VENDOR_SECRETS: Final = {VENDOR_KEY.secret: "vendor", OTHER_VENDOR_KEY.secret: "other vendor"}
KEY_SECRETS: Final = {KEY.secret, NAMED_KEY.secret, NETWORKED_KEY.secret}
NAME_CHARACTERS: Final = frozenset(
    b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)
PLAIN: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@"  # no `;`, no `%`
)
HOST: Final = (PLAIN - frozenset(":@")) | frozenset(";%")
DIGITS: Final = frozenset("0123456789")
ADDRESS: Final = DIGITS | frozenset("abcdefABCDEF:.")
CONTROLS: Final = frozenset([*range(9), *range(10, 32), 127])
OVERRIDES: Final = {"x-http-method-override", "x-http-method", "x-method-override", "x-rewrite-url"}


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be allowed: this method, on a path of these segments."""

    method: str
    path: str


def find_allowed(sent: bytes) -> list[Allowed | None]:
    """Return, for each request in the bytes up to the first flaw, what may be allowed of it."""
    verdicts: list[Allowed | None] = []
    while True:
        sent = sent.lstrip(b"\r\n")
        head, end, rest = sent.partition(b"\r\n\r\n")
        read = _read(head) if end else None
        if read is None:
            return verdicts
        method, target, headers = read
        verdicts.append(_allowed(method, target, headers))
        length = _body_length(headers)
        if length is None:
            return verdicts
        sent = rest[length:]


def _read(head: bytes) -> tuple[str, str, Headers] | None:
    first, *lines = head.split(b"\r\n")
    parts = [part for part in first.split(b" ") if part]
    if len(parts) != 3 or parts[2] not in {b"HTTP/1.0", b"HTTP/1.1"}:
        return None
    headers: Headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or not NAME_CHARACTERS.issuperset(name) or not CONTROLS.isdisjoint(value):
            return None
        headers.append((name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")))
    if not _is_framed_plainly(headers) or not _is_addressed(parts[2], _values(headers, "host")):
        return None
    return parts[0].decode("latin-1"), parts[1].decode("latin-1"), headers


def _is_framed_plainly(headers: Headers) -> bool:
    lengths = _values(headers, "content-length")
    if _values(headers, "transfer-encoding"):
        return not lengths
    return not lengths or (len(lengths) == 1 and lengths[0].isdecimal())


def _is_addressed(version: bytes, hosts: list[str]) -> bool:
    if not hosts:
        return version == b"HTTP/1.0"
    return len(hosts) == 1 and _is_host(hosts[0])


def _is_host(text: str) -> bool:
    if text.startswith("["):
        address, bracket, port = text[1:].partition("]")
        is_name = bool(address and bracket) and ADDRESS.issuperset(address)
    else:
        name, colon, digits = text.partition(":")
        port = colon + digits
        is_name = not name or (_decoded(name) != "" and HOST.issuperset(name))
    return is_name and (not port or (port[0] == ":" and DIGITS.issuperset(port[1:])))


def _body_length(headers: Headers) -> int | None:
    # None where nothing that follows is listened to.
    if _values(headers, "transfer-encoding") or "close" in _values(headers, "connection"):
        return None
    return sum(map(int, _values(headers, "content-length")))


def _values(headers: Headers, name: str) -> list[str]:
    return [value for each, value in headers if each == name]


def _allowed(own_method: str, own_target: str, headers: Headers) -> Allowed | None:
    tokens = _values(headers, "x-gateway-token")
    kind = KINDS.get(tokens[0]) if len(tokens) == 1 else None
    keys = _keys(headers)
    if kind is None or keys is None:
        return None
    told = _told(kind, own_method, own_target, headers)
    if told is None or _is_overridden(kind, headers):
        return None
    method, target = told
    segments = _segments(target)
    if segments is None or not _is_granted(*keys, _client(kind, headers)):
        return None
    return Allowed(method, target.partition("?")[0]) if _grants(method, segments) else None


def _keys(headers: Headers) -> tuple[str, str] | None:
    vendors, subscribers = _values(headers, "x-api-key"), _values(headers, "a-api-key")
    ours = [each for each in _values(headers, "authorization") if each.split(" ")[0].lower() == "keyfold"]
    if ours:
        pair = ours[0][len("keyfold") :].strip().split("/")
        if len(ours) > 1 or len(pair) != 2:
            return None
        # A header beside it must say the same, once.
        if vendors not in ([], [pair[0]]) or subscribers not in ([], [pair[1]]):
            return None
        vendors, subscribers = [pair[0]], [pair[1]]
    if len(vendors) != 1 or len(subscribers) != 1:
        return None
    return vendors[0], subscribers[0]


def _told(kind: str, own_method: str, own_target: str, headers: Headers) -> tuple[str, str] | None:
    if own_target.startswith("/authz/"):
        told = [own_method], [own_target[len("/authz") :]]
    elif own_target == "/authz" or own_target.startswith("/authz?"):
        names = {
            "forwarded": "x-forwarded-method x-forwarded-uri",
            "original": "x-original-method x-original-uri",
        }
        method, target = names[kind].split(" ")
        told = _values(headers, method), _values(headers, target)
    else:
        return None
    methods, targets = told
    if len(methods) != 1 or len(targets) != 1:
        return None
    method = methods[0]
    is_plain = method[:1].isalpha() and len(method) <= 32 and method.isascii() and method.upper() == method
    return (method, targets[0]) if is_plain and method.replace("-", "").replace("_", "").isalpha() else None


def _is_overridden(kind: str, headers: Headers) -> bool:
    names = {name.replace("_", "-") for name, _ in headers}
    own = OVERRIDES if kind == "original" else OVERRIDES | {"x-original-url"}
    return not own.isdisjoint(names)


def _segments(target: str) -> list[str] | None:
    path = target.partition("?")[0]
    if not path.startswith("/") or len(path) > 2048:
        return None
    raw = path[1:].removesuffix("/").split("/")
    decoded = [_decoded(each) for each in raw]
    if any(not each or each[-1] == "." or not PLAIN.issuperset(each) for each in decoded):
        return None
    return [each.lower() for each in decoded]


def _decoded(segment: str) -> str:
    first, *escapes = segment.split("%")
    text = first
    for escape in escapes:
        digits = escape[:2]
        if len(digits) != 2 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
            return ""
        text += chr(int(digits, 16)) + escape[2:]
    return text


def _client(kind: str, headers: Headers) -> str:
    if kind == "forwarded":
        given = _values(headers, "x-forwarded-for")
        return given[-1].split(",")[-1].strip() if given else ""
    given = _values(headers, "x-real-ip")
    return given[0] if len(given) == 1 else ""


def _is_granted(vendor_secret: str, key_secret: str, client: str) -> bool:
    vendor = VENDOR_SECRETS.get(vendor_secret)
    if vendor is None or key_secret not in KEY_SECRETS:
        return False
    if key_secret == NAMED_KEY.secret:
        return vendor == "other vendor"
    return key_secret == KEY.secret or _is_inside(client)


def _is_inside(client: str) -> bool:
    try:
        address = ip_address(client)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ip_network(str(network)) for network in NETWORKS)


def _grants(method: str, segments: list[str]) -> bool:
    match segments:
        case ["v1", "patient", *_]:
            return True
        case ["v1", "appointment", *_]:
            return method in {"GET", "HEAD"}
        case _:
            return False
