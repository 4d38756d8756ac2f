"""Normalises a request's path, unless an upstream could read it differently."""

import re
from urllib.parse import unquote

PATH_LENGTH_MAX = 2048
"""The longest path that is let through, in characters; an access event keeps that much of a longer one."""

# RFC 3986 pchar without `;` (matrix parameters) and without `%` (encoded twice, because a path is decoded
# once). Spaces, controls, backslashes and everything beyond ASCII are left out: servers trim, fold or reject
# them differently, and what two parties can read differently is not let through.
_SEGMENT = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,=:@]+")
# Most paths: nothing to decode, and no segment that ends with a dot.
_PLAIN_PATH = re.compile(rf"(?:/{_SEGMENT.pattern}(?<!\.))+/?")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")


def normalise(target: str) -> tuple[str, ...] | None:
    """Return the lower-cased segments of a request target's path, or None if it can be read in two ways.

    `target` is an origin-form request target (RFC 9112, section 3.2.1); what follows `?` is ignored. One
    trailing slash is ignored. Percent-encoding is decoded once. Letters are lower-cased, so that `/v1/NOTE`
    has the category of `/v1/note`, whether or not an upstream takes them for the same.
    """
    path = target.partition("?")[0]
    if len(path) > PATH_LENGTH_MAX:
        return None
    if _PLAIN_PATH.fullmatch(path):
        return tuple(path[1:].removesuffix("/").lower().split("/"))
    if not path.startswith("/"):
        return None
    raw_segments = path[1:].removesuffix("/").split("/")
    if raw_segments == [""]:
        return () if path == "/" else None
    segments = tuple(_decode(raw) for raw in raw_segments)
    if all(_is_plain(segment) for segment in segments):
        return tuple(segment.lower() for segment in segments)
    return None


def _decode(raw: str) -> str:
    if "%" not in raw:
        return raw
    if raw.count("%") != len(_ENCODED.findall(raw)):
        return ""  # a stray percent sign, which no segment may hold
    return unquote(raw, errors="replace")


def _is_plain(segment: str) -> bool:
    # A trailing dot is dropped by some file systems and proxies; `.` and `..` are steps, not names.
    return _SEGMENT.fullmatch(segment) is not None and not segment.endswith(".")
