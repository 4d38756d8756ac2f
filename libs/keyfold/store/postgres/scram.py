"""A password's verifier, with which PostgreSQL checks it and from which nobody can tell it (RFC 5802)."""

from base64 import b64encode
from hashlib import pbkdf2_hmac, sha256
from hmac import digest
from typing import Final

_ITERATIONS: Final = 4096  # as many as PostgreSQL itself takes
SALT_BYTES: Final = 16


def scram_verifier(password: str, salt: bytes) -> str:
    """Return what `alter role … password` takes in place of a password of ASCII characters."""
    salted = pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored_key = sha256(digest(salted, b"Client Key", "sha256")).digest()
    server_key = digest(salted, b"Server Key", "sha256")
    keys = f"{_text(stored_key)}:{_text(server_key)}"
    return f"SCRAM-SHA-256${_ITERATIONS}:{_text(salt)}${keys}"


def _text(value: bytes) -> str:
    return b64encode(value).decode()
