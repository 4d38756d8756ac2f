"""Secrets in a path: left out of the record, however they are encoded; everything else stays."""

from urllib.parse import quote

import pytest

from keyfold.gatekeeper.authz.redaction import redact
from keyfold.wire.keys.format import KeyKind, mint

SECRET = mint(KeyKind.SUBSCRIBER, "ABCabc012345", bytes(range(32))).secret
VENDOR_SECRET = mint(KeyKind.VENDOR, "ABCabc012345", bytes(range(32)), mode="test").secret
TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJvbGl2aWEifQ.c2lnbmF0dXJl"
EVERY_BYTE = "".join(f"%{byte:02X}" for byte in SECRET.encode())


@pytest.mark.parametrize(
    "segment",
    [
        SECRET,
        VENDOR_SECRET,
        TOKEN,
        SECRET[:30],
        SECRET.upper(),
        f"key={SECRET};v=1",
        SECRET.replace("_", "%5f"),
        EVERY_BYTE,
        quote(EVERY_BYTE),
        quote(quote(EVERY_BYTE)),
        f"a%FF\udcff{SECRET}",
    ],
)
def test_what_holds_a_secret_is_left_out(segment: str) -> None:
    """A segment with a key in it, whole or in part, or with a token, is replaced as a whole."""
    assert redact(f"/v1/{segment}/7") == "/v1/(redacted)/7"
    assert redact(f"/v1/{segment}") == "/v1/(redacted)"


@pytest.mark.parametrize(
    "path",
    ["", "/", "/v1/patient/7", "/v1/%2e%2e/note", "/v1/kfs_/kfs_live/live_", "/v1//eyJ", "/%", "*", "\udcff"],
)
def test_everything_else_stays(path: str) -> None:
    """A path without a secret is recorded as it was sent, byte for byte."""
    assert redact(path) == path
