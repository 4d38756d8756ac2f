"""The keys with which a local stack's registry signs: one seals the ledger, the other signs checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from keyfold.local.state import write_private

CHECKPOINTS_NAME: Final = "checkpoints.ndjson"


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """A key and its public half as files of a directory."""

    name: str

    def private(self, state_dir: Path) -> Path:
        """Return the path of the key."""
        return state_dir / f"{self.name}.pem"

    @property
    def public_name(self) -> str:
        """The name of the file of its public half."""
        return f"{self.name}.pub.pem"

    def public(self, state_dir: Path) -> Path:
        """Return the path of its public half."""
        return state_dir / self.public_name

    def prepare(self, state_dir: Path) -> None:
        """Make the key if there is none, and write its public half beside it."""
        path = self.private(state_dir)
        if not path.exists():
            key = Ed25519PrivateKey.generate()
            write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public = load_pem_private_key(path.read_bytes(), password=None).public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.public(state_dir).write_bytes(pem)


CHECKPOINT_KEY: Final = KeyFiles("checkpoint-key")
SEAL_KEY: Final = KeyFiles("seal-key")


def prepare_keys(state_dir: Path) -> Path:
    """Make both keys in a directory, as far as there are none, and return it."""
    for each in (CHECKPOINT_KEY, SEAL_KEY):
        each.prepare(state_dir)
    return state_dir
