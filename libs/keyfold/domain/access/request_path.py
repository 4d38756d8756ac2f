"""Reads a request's target: its path in every way in which an API may read it, and a method in its query."""

import re
from collections.abc import Iterator
from typing import Final
from unicodedata import category, normalize
from urllib.parse import unquote, unquote_plus

from msgspec import Struct

PATH_LENGTH_MAX = 2048
"""The longest path that is let through, in characters; an access event keeps that much of a longer one."""

# RFC 3986 pchar without `;` (matrix parameters) and without `%` (encoded twice, because a path is decoded
# once), and the space, which clients encode.
_ASCII_SEGMENT = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,=:@ ]+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
# What has one reading: no capital, and no mark that anybody decodes, trims or takes for a suffix.
_PLAIN_PATH = re.compile(r"(?:/[a-z0-9_\-]+)+")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_LETTERS_MARKS_NUMBERS: Final = "LMN"
_METHOD_MENTION: Final = "method"
# Parameters from which frameworks and tunnels take a method, without their marks: `_method` of Rails, Laravel
# and Express, `X-HTTP-Method-Override` of Google's APIs, and the like.
_OVERRIDES: Final = frozenset(
    {
        *("httpmethod", "httpmethodoverride", "methodoverride", "requestmethod"),
        *("xhttpmethod", "xhttpmethodoverride", "xmethodoverride"),
    }
)
# A parameter that is only called `method` may be about anything: it is one if its value is a method.
_COMMON_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestPath(Struct, frozen=True, gc=False):
    """A path that can be taken apart in one way only.

    `plain` has its segments decoded once and lower-cased, without a trailing slash. `sent` has them as they
    were sent, with an empty last one for a trailing slash. `forms` has each segment of `plain` in every
    spelling in which an API may compare it, but for suffixes (`cut_suffixes`); the first one is as sent.
    """

    plain: tuple[str, ...]
    sent: tuple[str, ...]
    forms: tuple[tuple[str, ...], ...]


def is_plain(path: str) -> bool:
    """Say whether a path, without its query, has one reading only: the segments between its slashes."""
    return _PLAIN_PATH.fullmatch(path) is not None and len(path) <= PATH_LENGTH_MAX


def read_path(target: str) -> RequestPath | None:
    """Return the path of a request target, or None if servers may take it apart in different ways.

    `target` is an origin-form request target (RFC 9112, section 3.2.1); what follows `?` is ignored. None is
    for empty and dot segments, encoded separators, anything encoded twice, a backslash, matrix parameters,
    controls, white space or a dot at a segment's end, and letters beyond ASCII that are not encoded as UTF-8.
    """
    path = target.partition("?")[0]
    if len(path) > PATH_LENGTH_MAX or not path.startswith("/"):
        return None
    sent = tuple(path[1:].split("/"))
    raw_segments = sent[:-1] if sent[-1] == "" else sent
    segments = tuple(_decode(raw) if "%" in raw else raw for raw in raw_segments)
    forms = tuple(map(_read_forms, raw_segments, segments))
    if not all(forms):
        return None
    return RequestPath(tuple(map(str.lower, segments)), sent if segments else (), forms)


def cut_suffixes(form: str, length_max: int) -> Iterator[str]:
    """Yield a segment and what is left of it without one suffix after the other, such as `.json`.

    Of what is longer than `length_max` only the whole segment comes.
    """
    yield form
    at = form.find(".", 1)
    while 0 < at <= length_max:
        yield form[:at]
        at = form.find(".", at + 1)


def mentions_method(query: str) -> bool:
    """Say whether a query may have a parameter that overrides the method; rarely yes, and quickly told."""
    if "%" in query:
        query = unquote(query)
    return _METHOD_MENTION in query.lower()


def read_overrides(query: str) -> tuple[str, ...]:
    """Return the methods that a query asks an API to take in place of the request's own, upper-cased."""
    fields = (field.partition("=") for field in re.split("[&;]", query))
    named = ((unquote_plus(name).lower(), unquote_plus(value).strip().upper()) for name, _, value in fields)
    return tuple(value for name, value in named if value and _is_override(name, value))


def _is_override(name: str, value: str) -> bool:
    # PHP takes `.method` and ` method` for `_method`, and several take `_method[]`.
    letters = re.sub("[^a-z]", "", name.partition("[")[0])
    if letters == _METHOD_MENTION:
        return value in _COMMON_METHODS or name != _METHOD_MENTION
    return letters in _OVERRIDES


def _read_forms(raw: str, segment: str) -> tuple[str, ...]:
    """Return a segment in every spelling in which an API may compare it, first as sent; none if unclear."""
    if not raw.isascii() or " " in raw or not _is_clear(segment):
        return ()
    forms = [raw, segment, segment.lower()]
    if not segment.isascii():
        forms += _fold(segment)
        if not all(_is_clear(form) for form in forms[1:] if form):
            return ()
    if "+" in raw:  # a space in forms, and what is trimmed may be gone
        forms += [form.replace("+", " ").strip() for form in forms]
    return tuple(dict.fromkeys(filter(None, forms)))


def _fold(segment: str) -> Iterator[str]:
    # Comparison without regard to case, width or accents: the long s is an s then, the Kelvin sign a k, and
    # `é` an e.
    for form in (normalize("NFC", segment), normalize("NFKC", segment), segment.upper()):
        yield form.casefold()
        yield form.lower()
    yield _NOT_ASCII.sub("", normalize("NFKD", segment)).strip().lower()
    yield _NOT_ASCII.sub("", segment).strip().lower()


def _decode(raw: str) -> str:
    if raw.count("%") != len(_ENCODED.findall(raw)):
        return ""  # a stray percent sign, which no segment may hold
    return unquote(raw, errors="replace")


def _is_clear(segment: str) -> bool:
    if not segment.isascii():
        if any(category(each)[0] not in _LETTERS_MARKS_NUMBERS for each in segment if not each.isascii()):
            return False  # U+FFFD, which stands for bytes that are not UTF-8, is among these
        segment = _NOT_ASCII.sub("x", segment)
    # A trailing dot is dropped by some file systems and proxies; `.` and `..` are steps, not names.
    return (
        _ASCII_SEGMENT.fullmatch(segment) is not None
        and not segment.endswith((".", " "))
        and segment[0] != " "
    )
