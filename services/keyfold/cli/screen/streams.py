"""The streams that a command writes to: of any encoding, and perhaps closed before all is written."""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Final

PIPE_CLOSED: Final = 141
"""The exit status that a shell gives a command whose reader has gone: 128 plus the number of SIGPIPE."""

AS_SYMBOLS, AS_JSON = "keyfold_symbols", "keyfold_json"
_SYMBOLS: Final[Mapping[str, str]] = {
    "…": "...",
    "→": "->",
    "—": "-",
    "·": ".",
    "✓": "ok",
    **{bar: str(height) for height, bar in enumerate("▁▂▃▄▅▆▇█", 1)},
}


def escape(text: str) -> str:
    """Return each character as JSON escapes it: in ASCII, different for each character."""
    return "".join(json.dumps(each)[1:-1] for each in text)


def _substitute(error: UnicodeError, symbols: Mapping[str, str]) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(symbols.get(each) or escape(each) for each in lost), error.end


codecs.register_error(AS_SYMBOLS, lambda error: _substitute(error, _SYMBOLS))
codecs.register_error(AS_JSON, lambda error: _substitute(error, {}))


def make_encodable(text: str, encoding: str, how: str = AS_SYMBOLS) -> str:
    """Return a text that this encoding can hold, with substitutes; ``how`` is ``AS_JSON`` for JSON."""
    return text.encode(encoding, how).decode(encoding)


def take_any_text() -> None:
    """Make both standard streams substitute characters that their encoding lacks, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=AS_SYMBOLS)


@contextmanager
def tolerate_closed_pipe() -> Iterator[None]:
    """End the process silently when its reader has closed the pipe, as `head` does."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(PIPE_CLOSED) from None
