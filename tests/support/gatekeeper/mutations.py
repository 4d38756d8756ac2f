"""Nearly valid requests: valid ones, changed in ways that clients, gateways and attackers know."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from tests.support.gatekeeper.heart import NGINX_TOKEN, TOKEN
from tests.support.gatekeeper.practice import (
    EXPIRED_KEY,
    KEY,
    NAMED_KEY,
    NETWORKED_KEY,
    OTHER_VENDOR_KEY,
    REVOKED_KEY,
    SHUT_KEY,
    SUSPENDED_VENDOR_KEY,
    UNKNOWN_KEY,
    VENDOR_KEY,
)

Lines = list[list[str]]
"""The request line's parts, and then a name and a value for each header."""

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "GE T", "M-SEARCH", "")
PATHS: Final = (
    *("/v1/patient", "/v1/patient/7?x=1", "/v1/appointment/", "/V1/Patient", "/v1/note", "/v1/payroll", "/"),
    *(
        "/v1/%70atient",
        "//v1/patient",
        "/v1//patient",
        "/v1/../v1/patient",
        "/v1/patient/..",
        "/v1/patient%2f",
    ),
    *("/v1/note/%2e%2e/patient", "/v1/patient;a=1", "/v1/patient.", "/v1/patient%00", "/v1/pätient", "*"),
    *("/v1/patient#x", "http://h/v1/patient", "/v1/patient/%zz", "/v1/patient%252f", "\\v1\\patient", ""),
)
VENDORS: Final = tuple(key.secret for key in (VENDOR_KEY, OTHER_VENDOR_KEY, SUSPENDED_VENDOR_KEY))
KEYS: Final = tuple(
    key.secret for key in (KEY, NAMED_KEY, NETWORKED_KEY, REVOKED_KEY, EXPIRED_KEY, SHUT_KEY, UNKNOWN_KEY)
)
TOKENS: Final = (TOKEN, NGINX_TOKEN, "", "Token", "tok", "token,token", " token", "token\t")
ADDRESSES: Final = ("203.0.113.9", "198.51.100.7", "203.0.113.9, 198.51.100.7", "::ffff:203.0.113.9", "x", "")
HOSTS: Final = (
    *("h", "127.0.0.1:8081", "[2001:db8::1]:80", "", "h:", "h_1.example", "h%2e"),
    *("h h", "h, h", "h/", "h:x", "[h", "[::1]x", "u@h", "h%2", "h\x0b", "hé", "h:1:2", "http://h"),
)
NAMES: Final = (
    *("X-Gateway-Token", "x-api-key", "A-api-key", "Authorization", "X-Forwarded-Method", "X-Forwarded-Uri"),
    *("X-Original-Method", "X-Original-URI", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override"),
    *("X_HTTP_Method_Override", "X-Forwarded-For", "X-Real-IP", "traceparent", "Content-Length", "Expect"),
    *("Transfer-Encoding", "Connection", "Upgrade", "Host", "Cookie", "x_api_key", "X-Method-Override"),
)
TRACE: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
VALUES: Final = (
    *("GET", "POST", "/v1/patient", "/v1/note", "close", "keep-alive", "websocket", "upgrade", "chunked"),
    *("0", "5", "-1", "70000", "100-continue", "", " ", "ÿ", TRACE, "Keyfold", "Bearer x/y"),
)
PIECES: Final = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b",",
    b"%",
    b"/",
    b"..",
    b"\xff",
    b"HTTP/1.1",
)


def mutate(random: Random) -> bytes:
    """Return the bytes of one connection: one or two requests, of which the last may be broken."""
    lines = _good(random)
    for _ in range(random.choice((0, 1, 1, 1, 2, 3, 6))):
        random.choice(_CHANGES)(random, lines)
    sent = _sent(lines)
    if random.random() < 0.3:
        for _ in range(random.choice((1, 1, 2, 8))):
            sent = _changed_bytes(random, sent)
    return _sent(_good(random)) + sent if random.random() < 0.1 else sent


def _good(random: Random) -> Lines:
    path, method = random.choice(PATHS[:4]), random.choice(METHODS[:4])
    vendor, key = random.choice(VENDORS[:2]), random.choice(KEYS[:3])
    headers = [["x-api-key", vendor], ["A-api-key", key]]
    if random.random() < 0.2:
        headers = [["Authorization", f"Keyfold {vendor}/{key}"]]
    headers.append(["Host", random.choice(HOSTS[:3])])
    headers.append(["X-Gateway-Token", TOKEN])
    headers.append(["X-Forwarded-For", random.choice(ADDRESSES)])
    match random.randrange(3):
        case 0:
            return [[method, "/authz" + path, "HTTP/1.1"], *headers]
        case 1:
            told = [["X-Forwarded-Method", method], ["X-Forwarded-Uri", path]]
            return [["GET", "/authz", "HTTP/1.1"], *headers, *told]
        case _:
            headers[-2][1] = NGINX_TOKEN
            told = [["X-Original-Method", method], ["X-Original-URI", path], ["X-Real-IP", "203.0.113.9"]]
            return [["GET", "/authz", "HTTP/1.1"], *headers, *told]


def _sent(lines: Lines) -> bytes:
    first, *headers = lines
    text = "\r\n".join([" ".join(first), *(f"{name}: {value}" for name, value in headers), "", ""])
    return text.encode("latin-1", "replace")


def _another(random: Random, name: str) -> str:
    choices = {
        "x-gateway-token": TOKENS,
        "x-api-key": (*VENDORS, KEY.secret),
        "a-api-key": (*KEYS, VENDOR_KEY.secret),
        "authorization": tuple(f"keyfold {vendor}/{key}" for vendor in VENDORS for key in KEYS),
        "x-forwarded-for": ADDRESSES,
        "x-real-ip": ADDRESSES,
        "host": HOSTS,
    }
    if name.endswith("method"):
        return random.choice(METHODS)
    return random.choice(choices.get(name.lower(), (*PATHS, *VALUES)))


def _header(random: Random, lines: Lines) -> list[str]:
    return random.choice(lines[1:]) if len(lines) > 1 else ["X", "y"]


def _double(random: Random, lines: Lines) -> None:
    lines.insert(random.randrange(1, len(lines) + 1), list(_header(random, lines)))


def _contradict(random: Random, lines: Lines) -> None:
    name, _ = _header(random, lines)
    lines.insert(random.randrange(1, len(lines) + 1), [name, _another(random, name)])


def _leave_out(random: Random, lines: Lines) -> None:
    if len(lines) > 1:
        del lines[random.randrange(1, len(lines))]


def _change(random: Random, lines: Lines) -> None:
    header = _header(random, lines)
    header[1] = _another(random, header[0])


def _cut(random: Random, lines: Lines) -> None:
    header = _header(random, lines)
    at = random.randrange(len(header[1]) + 1)
    header[1] = random.choice((header[1][:at], header[1][at:], header[1][:at] + header[1][at + 1 :]))


def _respell(random: Random, lines: Lines) -> None:
    header = _header(random, lines)
    name = header[0]
    header[0] = random.choice((name.upper(), name.lower(), name.replace("-", "_"), name + " ", " " + name))


def _swap_case(random: Random, lines: Lines) -> None:
    header = _header(random, lines)
    header[1] = random.choice((header[1].swapcase(), header[1] + " ", "\t" + header[1], header[1] + "\x0b"))


def _add(random: Random, lines: Lines) -> None:
    name = random.choice(NAMES)
    lines.insert(random.randrange(1, len(lines) + 1), [name, _another(random, name)])


def _ask_otherwise(random: Random, lines: Lines) -> None:
    at = random.randrange(3)
    targets = tuple(prefix + path for path in PATHS for prefix in ("/authz", "", "/%61uthz", "/authz?"))
    lines[0][at] = random.choice((METHODS, targets, ("HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/0.9", ""))[at])


def _encode(random: Random, lines: Lines) -> None:
    part, at = (lines[0], 1) if random.random() < 0.5 else (_header(random, lines), 1)
    text = part[at]
    if text:
        place = random.randrange(len(text))
        part[at] = text[:place] + f"%{ord(text[place]):02x}" + text[place + 1 :]


def _swap_keys(random: Random, lines: Lines) -> None:
    for header in lines[1:]:
        if header[0].lower() in {"x-api-key", "a-api-key"}:
            header[0] = {"x-api-key": "A-api-key", "a-api-key": "x-api-key"}[header[0].lower()]


_CHANGES: Final[tuple[Callable[[Random, Lines], None], ...]] = (
    *(_double, _contradict, _leave_out, _change, _change, _cut, _respell, _swap_case, _add, _add),
    *(_ask_otherwise, _encode, _swap_keys),
)


def _changed_bytes(random: Random, sent: bytes) -> bytes:
    at, to = random.randrange(len(sent) + 1), random.randrange(len(sent) + 1)
    match random.randrange(6):
        case 0:
            return sent[:at] + bytes([random.randrange(256)]) + sent[at + 1 :]
        case 1:
            return sent[:at] + random.choice(PIECES) + sent[at:]
        case 2:
            return sent[:at] + sent[at + 1 :]
        case 3:
            flipped = bytes([sent[at] ^ (1 << random.randrange(8))]) if at < len(sent) else b""
            return sent[:at] + flipped + sent[at + 1 :]
        case 4:
            return sent[:at] + sent[min(at, to) : max(at, to)] + sent[at:]
        case _:
            return sent[:at] if random.random() < 0.2 else sent[:at] + random.choice(PIECES) + sent[at + 1 :]
