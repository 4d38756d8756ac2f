"""Sealing: what a browser keeps for the console, unreadable to it and good for a time."""

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
    """Return the secrets of the setting: the first one seals, all of them open."""
    return tuple(each.strip() for each in setting.split(","))


@dataclass(frozen=True, slots=True)
class Seal(Generic[T]):
    """Seals values of one type for one purpose; what was sealed for another one does not open."""

    _fernet: MultiFernet
    _of: type[T]
    _clock: Clock
    _lasts_s: int

    @classmethod
    def of(
        cls, value: type[T], *, purpose: str, secrets: Sequence[str], clock: Clock, lasts_s: int
    ) -> Seal[T]:
        """Return the seal of a purpose under these secrets."""
        keys = [Fernet(_key(secret, purpose)) for secret in secrets]
        return cls(MultiFernet(keys), value, clock, lasts_s)

    def close(self, value: T) -> str:
        """Return the value sealed, as ASCII."""
        return self._fernet.encrypt(msgspec.json.encode(value)).decode()

    def open(self, sealed: str) -> T | None:
        """Return what was sealed, None where it was not sealed here, for this, or in time."""
        try:
            plain = self._fernet.decrypt(sealed.encode("ascii"), ttl=self._lasts_s)
            return msgspec.json.decode(plain, type=self._of)
        except (InvalidToken, UnicodeEncodeError, msgspec.MsgspecError):
            return None


def _key(secret: str, purpose: str) -> bytes:
    # The secret is random and long, so that one hash makes a key of it.
    return base64.urlsafe_b64encode(hashlib.sha256(f"keyfold console {purpose}\0{secret}".encode()).digest())
