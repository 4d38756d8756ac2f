"""Secrets in the wrong place: a key that a client puts into the path must not be recorded."""

import re
from typing import Final
from urllib.parse import unquote

REDACTED: Final = "(redacted)"

# The start of a key, complete or not, or of a JSON Web Token: its header and claims both begin with `{"`.
_SECRET: Final = re.compile(r"kf[vsi]_(?:live|test)_|eyJ[\w-]+\.eyJ", re.IGNORECASE)
_ENCODED_TIMES_MAX: Final = 3


def redact(path: str) -> str:
    """Return the path with each segment replaced that holds a key or a token, encoded or not."""
    folded = path.lower()
    if not ("kf" in folded or "eyj" in folded or "%" in folded):
        return path
    return "/".join(REDACTED if _holds_secret(segment) else segment for segment in path.split("/"))


def _holds_secret(text: str) -> bool:
    for _ in range(_ENCODED_TIMES_MAX):
        if _SECRET.search(text):
            return True
        text = unquote(text)
    return _SECRET.search(text) is not None
