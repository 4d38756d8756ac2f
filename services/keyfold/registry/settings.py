"""What the registry is told by its environment."""

import os
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from keyfold.runtime.settings.base import (
    AuthSettings,
    PostgresSettings,
    RateLimitSettings,
    ServiceSettings,
    file_validator,
)
from keyfold.wire.proof.signed_head import load_private_key

_SECRET_CHARACTERS_MIN: Final = 32


def _check_length(secret: SecretStr) -> SecretStr:
    if len(secret) < _SECRET_CHARACTERS_MIN:
        raise ValueError("it is too short")
    return secret


def _check_appendable(path: Path | None) -> Path | None:
    if path is None:
        return None
    if not path.parent.is_dir():
        raise ValueError("the directory that it is to be in is not there")
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError("it may not be written")
    return path


class RegistrySettings(ServiceSettings, PostgresSettings, AuthSettings, RateLimitSettings):
    """Where it listens, where the ledger is, whose tokens it believes, and the bounds of what it does."""

    idempotency_secret: Annotated[SecretStr, AfterValidator(_check_length)] = Field(
        description=f"at least {_SECRET_CHARACTERS_MIN} random characters, the same for every registry"
    )
    idempotency_records_max: int = Field(
        50_000,
        ge=1,
        le=10_000_000,
        description="how many answers are kept for a tenant's Idempotency-Keys: 1 to 10000000",
    )
    seal_key: Annotated[Path, file_validator(load_private_key)] = Field(
        description="the path of an Ed25519 private key as PKCS8 PEM, which seals the ledger"
    )
    seal_key_next: Annotated[Path | None, file_validator(load_private_key)] = Field(
        None, description="the path of the key that is to take over from KEYFOLD_SEAL_KEY"
    )
    checkpoint_key: Annotated[Path | None, file_validator(load_private_key)] = Field(
        None, description="the path of an Ed25519 private key as PKCS8 PEM, which signs checkpoints"
    )
    checkpoint_file: Annotated[Path | None, AfterValidator(_check_appendable)] = Field(
        None, description="the path of the file that each checkpoint is appended to"
    )
    account_keys_max: int = Field(
        100, ge=1, le=10_000, description="how many live keys an account may have: 1 to 10000"
    )
    reviews_valid_days: int = Field(
        365, ge=1, le=3650, description="for how many days a vendor's reviews are good: 1 to 3650"
    )
