"""Sealing: values that a browser keeps for the console, encrypted and valid for a time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from keyfold.runtime.clock import Clock

T = TypeVar("T")


def read_secrets(setting: str) -> tuple[str, ...]:
    """Return the setting's secrets: the first one seals, and each of them opens."""
    return tuple(each.strip() for each in setting.split(","))


@dataclass(frozen=True, slots=True)
class Seal(Generic[T]):
    """Seals values of one type for one purpose; a value that was sealed for another does not open."""

    _fernet: MultiFernet
    _of: type[T]
    _clock: Clock
    _lasts_s: int

    @classmethod
    def of(
        cls, value: type[T], *, purpose: str, secrets: Sequence[str], clock: Clock, lasts_s: int
    ) -> Seal[T]:
        """Return the seal for a purpose with these secrets."""
        keys = [Fernet(_key(secret, purpose)) for secret in secrets]
        return cls(MultiFernet(keys), value, clock, lasts_s)

    def close(self, value: T) -> str:
        """Return the value sealed, as ASCII."""
        return self._fernet.encrypt(msgspec.json.encode(value)).decode()

    def open(self, sealed: str) -> T | None:
        """Return the sealed value, None if it was not sealed here, not for this purpose, or has expired."""
        try:
            plain = self._fernet.decrypt(sealed.encode("ascii"), ttl=self._lasts_s)
            return msgspec.json.decode(plain, type=self._of)
        except (InvalidToken, UnicodeEncodeError, msgspec.MsgspecError):
            return None


def _key(secret: str, purpose: str) -> bytes:
    # The secret is random and long, so one hash is enough to make a key of it.
    return base64.urlsafe_b64encode(hashlib.sha256(f"keyfold console {purpose}\0{secret}".encode()).digest())
