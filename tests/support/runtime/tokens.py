"""Signing keys and tokens for tests, and a clock that they set."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from keyfold.runtime.auth.access_tokens import TOKEN_TYPES
from keyfold.runtime.auth.caller import Binding, Caller, TokenRejected
from keyfold.runtime.auth.jwks import Jwks
from keyfold.runtime.authenticator import BearerTokens
from keyfold.runtime.failure import TryLater

ISSUER = "https://issuer.test"
AUDIENCE = "keyfold"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(slots=True)
class SetClock:
    """A clock that stands still until the test moves it."""

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 31, 8, tzinfo=UTC))
    seconds: float = 1000.0
    made: int = 0

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return self.seconds

    def new_event_id(self) -> str:
        self.made += 1
        return f"id-{self.made}"

    def random_bytes(self, count: int) -> bytes:
        return b"\x07" * count


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key with its id and algorithm."""

    kid: str
    algorithm: str
    private: PrivateKey

    def jwk(self, **changes: object) -> dict[str, object]:
        """Return the public key as a member of a JWKS, with these ``changes``; one to None leaves it out."""
        said = {"kid": self.kid, "use": "sig", "alg": self.algorithm, **changes}
        return {
            name: value for name, value in (_public_jwk(self.private) | said).items() if value is not None
        }

    def sign(
        self, changes: Mapping[str, object] | None = None, *, kid: str | None = None, **header: object
    ) -> str:
        """Return an operator's valid token with these ``changes``; a change to None leaves the claim out.

        By default its ``typ`` says no more than that it is a JWT.
        """
        claims = {**good_claims(), **(changes or {})}
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self.private, self.algorithm, {"kid": kid or self.kid, **header})


def _public_jwk(private: PrivateKey) -> dict[str, object]:
    match private:
        case rsa.RSAPrivateKey():
            return dict(RSAAlgorithm.to_jwk(private.public_key(), as_dict=True))
        case ec.EllipticCurvePrivateKey():
            return dict(ECAlgorithm.to_jwk(private.public_key(), as_dict=True))
        case ed25519.Ed25519PrivateKey():
            return dict(OKPAlgorithm.to_jwk(private.public_key(), as_dict=True))


def good_claims() -> dict[str, object]:
    """Return the claims of an operator for the next five minutes."""
    now = datetime.now(UTC)
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "role": "operator",
        "exp": now + timedelta(minutes=5),
    }


def eddsa(kid: str = "ed") -> Signer:
    """Make an Ed25519 signer."""
    return Signer(kid=kid, algorithm="EdDSA", private=ed25519.Ed25519PrivateKey.generate())


def es256(kid: str = "ec") -> Signer:
    """Make a P-256 signer."""
    return Signer(kid=kid, algorithm="ES256", private=ec.generate_private_key(ec.SECP256R1()))


def rs256(kid: str = "rsa", bits: int = 2048) -> Signer:
    """Make an RSA signer."""
    return Signer(kid=kid, algorithm="RS256", private=rsa.generate_private_key(65537, bits))


def jwks_document(*signers: Signer, **changes: object) -> bytes:
    """Return the JWKS of these signers, with these ``changes`` in each of its members."""
    return orjson.dumps({"keys": [signer.jwk(**changes) for signer in signers]})


def jwks_file(folder: Path, *signers: Signer, **changes: object) -> Path:
    """Write the JWKS of these signers into the folder."""
    path = folder / "jwks.json"
    path.write_bytes(jwks_document(*signers, **changes))
    return path


@dataclass(slots=True)
class KnownLogins:
    """Bindings by subject, and who was looked up; while they are `away`, look-ups fail."""

    bound: dict[str, Binding] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_away: bool = False

    async def find(self, issuer: str, subject: str) -> Binding | None:
        """Return what a login is bound to."""
        self.asked.append(subject)
        if self.is_away:
            raise TryLater("the database is away")
        return self.bound.get(subject) if issuer == ISSUER else None


async def believing(
    path: Path,
    clock: SetClock | None = None,
    bindings: KnownLogins | None = None,
    *,
    types: Collection[str] = TOKEN_TYPES,
) -> BearerTokens:
    """Return an authenticator for the keys of that file."""
    jwks = Jwks(str(path), clock or SetClock())
    await jwks.load()
    return BearerTokens(
        jwks, issuer=ISSUER, audience=AUDIENCE, types=types, bindings=bindings or KnownLogins()
    )


SIGNER = eddsa()


async def outcome(auth: BearerTokens, token: str) -> Caller | TokenRejected:
    """Return whom a token names."""
    return await auth.authenticate(f"Bearer {token}")
