"""Lines of JSON from PostgreSQL's COPY, whose quoting, set up so, is JSON's but for control characters."""

import re
from collections.abc import Sequence
from typing import Final

_MEMBERS: Final = (
    "event_id",
    "at",
    "account_id",
    "key_id",
    "vendor_id",
    "vendor_key_id",
    "category",
    "access",
    "method",
    "path",
    "decision",
    "reason",
    "position",
    "gateway",
    "client_ip",
    "requests",
    "vendor_name",
    "key_name",
)
_NUMBERS: Final = frozenset({"position", "requests"})
_DELIMITER: Final = b"\x02"

COPY_OPTIONS: Final = {
    "format": "csv",
    "delimiter": _DELIMITER.decode(),
    "quote": '"',
    "escape": "\\",
    "null": "null",
    "force_quote": [name for name in _MEMBERS if name not in _NUMBERS],
}
"""How COPY must write rows of the members, in their order, for `json_lines` to read them."""

_BEFORE: Final = [b'}\n{"event_id":', *(b',"%s":' % name.encode() for name in _MEMBERS[1:])]
_ID_BYTES: Final = len('"00000000-0000-0000-0000-000000000000"')
_CONTROLS_OF_A_ROW: Final = _DELIMITER * (len(_MEMBERS) - 1) + b"\n"
_NO_CONTROLS: Final = bytes(range(0x20, 0x100))
_CONTROL: Final = re.compile(rb"[\x00-\x1f]")
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def json_lines(rows: bytes) -> bytes:
    """Return whole rows as lines, one JSON object each."""
    # Millions of rows pass here: no Python runs for each of them.
    values = _values(rows)
    parts = [b""] * (2 * len(values))
    parts[::2] = _BEFORE * (len(values) // len(_MEMBERS))
    parts[1::2] = values
    return b"".join(parts).removeprefix(b"}\n") + b"}\n"


def _values(rows: bytes) -> Sequence[bytes]:
    values = _split(rows)
    if _are_plain(rows, values):
        return values
    return _split(_QUOTED.sub(_escape_controls, rows))


def _split(rows: bytes) -> Sequence[bytes]:
    return rows.removesuffix(b"\n").replace(b"\n", _DELIMITER).split(_DELIMITER)


def _are_plain(rows: bytes, values: Sequence[bytes]) -> bool:
    """Tell whether the only control characters are those between values and rows.

    Text could hold as many of them as rows have, and in their order. But within text a line end is never
    followed by an id in quotes: quotation marks are escaped there, except the one that ends the text.
    """
    ids = values[:: len(_MEMBERS)]
    return rows.translate(None, _NO_CONTROLS) == _CONTROLS_OF_A_ROW * len(ids) and all(
        len(each) == _ID_BYTES and each.startswith(b'"') for each in ids
    )


def _escape_controls(quoted: re.Match[bytes]) -> bytes:
    return _CONTROL.sub(lambda control: b"\\u%04x" % control[0][0], quoted[0])
