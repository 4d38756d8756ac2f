"""The sample people of a local stack: anybody on that machine may sign in as one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from keyfold.runtime.auth.access_tokens import ACCESS_TOKEN

TOKEN_LASTS_S: Final = 8 * 3600


class LocalPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A sample person: the button's label, and the claims of its token."""

    name: str
    claims: Mapping[str, Any]


class LocalPeople(msgspec.Struct, frozen=True, kw_only=True):
    """The file that `keyfold up` writes: the people, and the stack's own key that signs their tokens."""

    issuer: str
    audience: str
    signing_key: str
    key_id: str
    people: Sequence[LocalPerson] = ()

    def find(self, name: str) -> LocalPerson | None:
        """Return the person of that name, None if there is none."""
        return next((each for each in self.people if each.name == name), None)

    def sign(self, person: LocalPerson, now: datetime) -> str:
        """Return a token for the person."""
        key = load_pem_private_key(Path(self.signing_key).read_bytes(), password=None)
        lasts = timedelta(seconds=TOKEN_LASTS_S)
        claims = {**person.claims, "iss": self.issuer, "aud": self.audience, "iat": now, "exp": now + lasts}
        headers = {"kid": self.key_id, "typ": ACCESS_TOKEN}
        return jwt.encode(claims, key, algorithm="EdDSA", headers=headers)  # type: ignore[arg-type]


def read_people(content: bytes) -> LocalPeople:
    """Return the content of such a file. Raises ValueError."""
    try:
        return msgspec.json.decode(content, type=LocalPeople)
    except msgspec.MsgspecError as broken:
        raise ValueError(f"it is no file of a local stack's people: {broken}") from None
