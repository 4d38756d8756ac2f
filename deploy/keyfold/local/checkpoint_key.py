"""The key with which a local stack signs its ledger's heads, and the file that holds them."""

from __future__ import annotations

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

PRIVATE_KEY_NAME: Final = "checkpoint-key.pem"
PUBLIC_KEY_NAME: Final = "checkpoint-key.pub.pem"
CHECKPOINTS_NAME: Final = "checkpoints.ndjson"


def prepare_checkpoint_key(state_dir: Path) -> None:
    """Make the key if there is none, and write its public half beside it."""
    path = state_dir / PRIVATE_KEY_NAME
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = load_pem_private_key(path.read_bytes(), password=None).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (state_dir / PUBLIC_KEY_NAME).write_bytes(pem)
