"""Where a command writes: streams of any encoding, some of which are closed before all is written."""

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
"""The exit status that a shell gives a command whose reader has gone: 128 and the number of SIGPIPE."""

AS_SYMBOLS, AS_JSON = "keyfold_symbols", "keyfold_json"
_SYMBOLS: Final[Mapping[str, str]] = {
    "…": "...",
    "→": "->",
    "—": "-",
    "·": ".",
    "✓": "ok",
    **{bar: str(height) for height, bar in enumerate("▁▂▃▄▅▆▇█", 1)},
}


def escaped(text: str) -> str:
    """Return each character as JSON escapes it: in ASCII, and telling every one from every other."""
    return "".join(json.dumps(each)[1:-1] for each in text)


def _without(error: UnicodeError, symbols: Mapping[str, str]) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(symbols.get(each) or escaped(each) for each in lost), error.end


codecs.register_error(AS_SYMBOLS, lambda error: _without(error, _SYMBOLS))
codecs.register_error(AS_JSON, lambda error: _without(error, {}))


def encodable(text: str, encoding: str, how: str = AS_SYMBOLS) -> str:
    """Return a text that a stream of this encoding can take; ``AS_JSON`` where the text is JSON."""
    return text.encode(encoding, how).decode(encoding)


def take_any_text() -> None:
    """Have both standard streams write what their encoding lacks in other words, and never fail for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=AS_SYMBOLS)


@contextmanager
def may_be_closed() -> Iterator[None]:
    """End the process in silence when its reader has seen enough, as `head` has."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(PIPE_CLOSED) from None
