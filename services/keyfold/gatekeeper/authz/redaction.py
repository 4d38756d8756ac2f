"""Secrets where none belongs: a client that puts its key into the path must not find it recorded."""

import re
from typing import Final
from urllib.parse import unquote

REDACTED: Final = "(redacted)"

# The start of a key, whole or not, and a JSON Web Token: header and claims both begin with `{"`.
_SECRET: Final = re.compile(r"kf[vsi]_(?:live|test)_|eyJ[\w-]+\.eyJ", re.IGNORECASE)
_ENCODED_TIMES_MAX: Final = 3


def without_secrets(path: str) -> str:
    """Return a path in which each segment that holds a key or a token, encoded or not, is replaced."""
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
