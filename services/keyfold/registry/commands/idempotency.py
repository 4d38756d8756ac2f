"""Idempotency-Key: a request that comes again gets the same answer and is not done again.

What is kept may hold a secret that must not lie in the database. So it is sealed with AES-256-GCM under a key
that takes two things to derive: a secret that only registries know, and the Idempotency-Key, which only the
caller has.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, TypeVar

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel

from keyfold.registry.commands.answers import pack, unpack
from keyfold.runtime.auth.caller import Caller
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import Answer, Problem, Refused, Request
from keyfold.store.ledger.idempotency_records import IdempotencyRecord, Keeper, NewIdempotencyRecord

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"

_FORM: Final = re.compile(r"[\x21-\x7e]{1,255}")
_PURPOSE: Final = b"keyfold kept answer "
_SEALING_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12

_BAD_KEY: Final = Problem(
    status=400,
    slug="bad-idempotency-key",
    detail=f"{HEADER} must be given once, and be 1 to 255 visible ASCII characters",
)

B = TypeVar("B", bound=BaseModel | None)


class CannotOpen(Exception):
    """The kept answer was sealed under another secret. Its command has happened: do not repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """A request that may come again: `id` names its caller and key, `fingerprint` what it asks for."""

    id: bytes
    fingerprint: bytes
    keeper: Keeper
    sealing_key: bytes = field(repr=False)

    def seal(self, answer: Answer, *, events: int, clock: Clock) -> NewIdempotencyRecord:
        """Return the answer sealed, to be kept; `events` counts the batch's up to its command's last."""
        nonce = clock.random_bytes(_NONCE_BYTES)
        sealed = nonce + AESGCM(self.sealing_key).encrypt(nonce, pack(answer), self.id)
        return NewIdempotencyRecord(
            id=self.id, fingerprint=self.fingerprint, sealed=sealed, events=events, keeper=self.keeper
        )

    def open(self, kept: IdempotencyRecord) -> Answer:
        """Return the answer that was kept. Raises CannotOpen."""
        nonce, sealed = kept.sealed[:_NONCE_BYTES], kept.sealed[_NONCE_BYTES:]
        try:
            return unpack(AESGCM(self.sealing_key).decrypt(nonce, sealed, self.id))
        except InvalidTag:
            raise CannotOpen from None


class Idempotency:
    """Reads the header, with the secret that every registry over the same database shares."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def read(self, request: Request[B, None]) -> IdempotentRequest | None:
        """Return the request as one that may come again, None without the header. Raises Refused."""
        given: Sequence[str] = request.headers.getall(HEADER, [])
        if not given:
            return None
        if len(given) > 1 or not _FORM.fullmatch(given[0]):
            raise Refused(_BAD_KEY)
        key = given[0].encode("ascii")
        return IdempotentRequest(
            id=_id_of(request.caller, given[0]),
            fingerprint=_fingerprint(request),
            keeper=_keeper_of(request.caller),
            sealing_key=self._derive_key(key),
        )

    def _derive_key(self, key: bytes) -> bytes:
        derivation = HKDF(algorithm=SHA256(), length=_SEALING_KEY_BYTES, salt=None, info=_PURPOSE + key)
        return derivation.derive(self._secret)


def _id_of(caller: Caller, key: str) -> bytes:
    # The caller by what its token says, for the command itself may change what its login is bound to. A list,
    # so that no two pairs of caller and key have the same text.
    said = caller.claimed or caller
    return _digest([said.role, caller.sub, said.account_id, said.vendor_id, key])


def _keeper_of(caller: Caller) -> Keeper:
    is_alone = caller.account_id is None and caller.vendor_id is None
    return Keeper(
        tenant=_digest([caller.tenant]), login=None if is_alone else _digest([caller.tenant, caller.sub])
    )


def _fingerprint(request: Request[B, None]) -> bytes:
    # The body as it was understood: a client that sends the same again may order or space it otherwise.
    body = None if request.body is None else request.body.model_dump(mode="json", exclude_unset=True)
    return _digest([request.raw.method, request.raw.rel_url.raw_path, body])


def _digest(content: list[object]) -> bytes:
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()
