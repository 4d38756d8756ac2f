"""The local stack's own issuer of bearer tokens: a key in its state directory, trusted nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import OKPAlgorithm

from keyfold.local.state import write_private
from keyfold.runtime.auth.access_tokens import ACCESS_TOKEN

ISSUER: Final = "https://keyfold.invalid/local"  # .invalid never resolves: the address is only a name
AUDIENCE: Final = "keyfold"
KEY_ID: Final = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says about its bearer; `role` is None for no role. Owners and vendors have an id."""

    role: str | None
    sub: str
    account_id: str | None = None
    vendor_id: str | None = None


OPERATOR: Final = Claims(role="operator", sub="local-operator")
REVIEWER: Final = Claims(role="reviewer", sub="local-reviewer")


def owner(account_id: str) -> Claims:
    """Return the claims of an account's owner."""
    return Claims(role="owner", sub="local-owner", account_id=account_id)


def vendor(vendor_id: str | None, sub: str = "local-vendor") -> Claims:
    """Return the claims of a vendor, or without an id of one that has not applied yet."""
    return Claims(role="vendor", sub=sub, vendor_id=vendor_id)


class LocalSigner:
    """Signs tokens with the key of one state directory."""

    def __init__(self, state_dir: Path) -> None:
        self.key_path = state_dir / "signing-key.pem"
        self.jwks_path = state_dir / "jwks.json"

    def prepare(self) -> None:
        """Make the key if there is none, and write the JWKS that services trust."""
        if not self.key_path.exists():
            write_private(self.key_path, _new_pem())
        public = OKPAlgorithm.to_jwk(self._key().public_key(), as_dict=True)
        member = {**public, "kid": KEY_ID, "alg": "EdDSA", "use": "sig"}
        self.jwks_path.write_bytes(orjson.dumps({"keys": [member]}))

    def sign(self, claims: Claims, *, now: datetime, ttl_s: float) -> str:
        """Return a token with the claims that is valid for ``ttl_s`` from ``now``."""
        named = {"role": claims.role, "account_id": claims.account_id, "vendor_id": claims.vendor_id}
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + timedelta(seconds=ttl_s),
            "sub": claims.sub,
            **{name: value for name, value in named.items() if value is not None},
        }
        return jwt.encode(
            payload, self._key(), algorithm="EdDSA", headers={"kid": KEY_ID, "typ": ACCESS_TOKEN}
        )

    def _key(self) -> Ed25519PrivateKey:
        key = load_pem_private_key(self.key_path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{self.key_path} holds no Ed25519 key")
        return key


def _new_pem() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
