"""Files that TLS needs, looked at before anything connects: authorities, a client's certificate, its key.

Every function raises ValueError for a fault, in words that repeat no path.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_authorities(path: Path | str, what: str = "it") -> None:
    """Check a file with the certificates of authorities, or with a list of what they have withdrawn."""
    with _faults(what):
        _context().load_verify_locations(cafile=path)


def read_certificates(content: bytes) -> str:
    """Return certificates as text, which a context takes as its authorities."""
    with _faults("it"):
        text = content.decode("ascii", errors="ignore")  # a comment may hold any letter
        _context().load_verify_locations(cadata=text)
    return text


def check_certificate(
    certificate: Path | str, key: Path | str | None, *, password: str = "", what: str = "it"
) -> None:
    """Check a client's certificate and its private key; without a key's file, the first one holds both."""
    with _faults(what):
        # Without a function the driver of TLS would ask for the password on the terminal.
        _context().load_cert_chain(certificate, key, lambda: password)


def _context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@contextmanager
def _faults(what: str) -> Iterator[None]:
    try:
        yield
    except (ssl.SSLError, ValueError):
        raise ValueError(f"{what} does not hold what it should, as PEM") from None
    except OSError as fault:
        raise ValueError(f"{what} cannot be read: {fault.strerror}") from None
