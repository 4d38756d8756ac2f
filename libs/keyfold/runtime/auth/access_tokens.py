"""Access tokens: whether a JWT is one, for us, now, by a key of its issuer (RFC 8725, RFC 9068)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import jwt

from keyfold.runtime.auth.caller import TokenRejected
from keyfold.runtime.auth.jwks import ALGORITHMS, Jwks

LEEWAY_S: Final = 5
"""How far the clock of an issuer may differ from ours, in seconds."""
ACCESS_TOKEN: Final = "at+jwt"  # noqa: S105 - a media type
PLAIN_JWT: Final = "jwt"
TOKEN_TYPES: Final = (ACCESS_TOKEN, PLAIN_JWT)
"""The types of tokens that can be accepted, in lower case: what RFC 9068 asks for, and what says nothing."""
REQUIRED_CLAIMS: Final = ("iss", "aud", "exp", "sub")

_MEDIA_TYPE: Final = "application/"
_OF_ID_TOKENS: Final = ("nonce", "at_hash", "c_hash", "s_hash")
_KIND_OF_ACCESS: Final[Mapping[str, str]] = {"typ": "bearer", "token_use": "access"}
"""What access tokens say whose provider names in a claim what a token is for: Keycloak, Amazon Cognito."""

MALFORMED: Final = "the token is malformed"
OTHER_ALGORITHM: Final = f"the token is not signed with one of {', '.join(sorted(ALGORITHMS))}"
OTHER_TYPE: Final = "the token's type (typ) is not one that is accepted here"
NO_KID: Final = "the token names no key (kid)"
UNKNOWN_KID: Final = "the token's kid names no key of the issuer"
NOT_FOR_ACCESS: Final = "the token is not an access token"
ANOTHERS: Final = "the token is bound to a key of its holder (cnf), which is not supported"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokens:
    """Which JWTs are accepted: of one issuer, for one audience, of these types (`typ`, in lower case)."""

    jwks: Jwks
    issuer: str
    audience: str
    types: frozenset[str] = frozenset(TOKEN_TYPES)

    async def verify(self, token: str) -> Mapping[str, object] | TokenRejected:
        """Return the claims of a token, or why it is not accepted. Raises KeysTooOld."""
        try:
            return await self._verify(token)
        except jwt.PyJWTError as invalid:
            return TokenRejected(detail=_explain(invalid))

    async def _verify(self, token: str) -> Mapping[str, object] | TokenRejected:
        header = jwt.get_unverified_header(token)
        refused = self._look_at(header)
        if refused is not None:
            return TokenRejected(detail=refused)
        key = await self.jwks.key(header["kid"])
        if key is None:
            return TokenRejected(detail=UNKNOWN_KID)
        # The key, never the token, says which algorithm is used.
        claims: Mapping[str, object] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=self.issuer,
            audience=self.audience,
            leeway=LEEWAY_S,
            options={"require": list(REQUIRED_CLAIMS)},
        )
        refused = _find_other_use(claims, is_typed=type_of(header) == ACCESS_TOKEN)
        return claims if refused is None else TokenRejected(detail=refused)

    def _look_at(self, header: Mapping[str, object]) -> str | None:
        """Return why a token is not accepted by its header alone, before any key is looked for."""
        # A tuple, not a set: anybody may write this header, and its value may not be hashable.
        if header.get("alg") not in tuple(ALGORITHMS):
            return OTHER_ALGORITHM
        if "crit" in header:
            return MALFORMED  # whatever it demands is not understood here
        if type_of(header) not in tuple(self.types):
            return OTHER_TYPE
        kid = header.get("kid")
        return None if isinstance(kid, str) and kid else NO_KID


def type_of(header: Mapping[str, object]) -> object:
    """Return the type of a token as `TOKEN_TYPES` has it (RFC 7515, section 4.1.9); one without is plain."""
    typ = header.get("typ", PLAIN_JWT)
    return typ.lower().removeprefix(_MEDIA_TYPE) if isinstance(typ, str) else typ


def _find_other_use(claims: Mapping[str, object], *, is_typed: bool) -> str | None:
    """Return why a token that is valid is not for access, or not for whoever merely holds it."""
    if "cnf" in claims:
        return ANOTHERS
    if is_typed:
        return None
    if not may_be(_KIND_OF_ACCESS, claims) or "events" in claims:
        return NOT_FOR_ACCESS
    # Some providers put a nonce into access tokens as well, but those say what they are.
    is_said = any(name in claims for name in _KIND_OF_ACCESS)
    return NOT_FOR_ACCESS if not is_said and any(each in claims for each in _OF_ID_TOKENS) else None


def may_be(kind: Mapping[str, str], claims: Mapping[str, object]) -> bool:
    """Tell whether claims say nothing else, in lower case, of what a token is for than `kind` does."""
    return all(str(claims[name]).lower() == said for name, said in kind.items() if name in claims)


def _explain(invalid: Exception) -> str:
    match invalid:
        case jwt.ExpiredSignatureError():
            return "the token has expired"
        case jwt.ImmatureSignatureError():
            return "the token is not valid yet"
        case jwt.InvalidIssuerError():
            return "the token is from another issuer"
        case jwt.InvalidAudienceError():
            return "the token is for another audience"
        case jwt.MissingRequiredClaimError():
            return f"the token lacks the claim {invalid.claim}"
        case jwt.InvalidSignatureError() | jwt.InvalidAlgorithmError():
            return "the token's signature does not match"
        case _:
            return MALFORMED
