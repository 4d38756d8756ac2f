"""What the registry is told by its environment."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from libs.runtime.settings import AuthSettings, PostgresSettings, RateLimitSettings, ServiceSettings

_SECRET_CHARACTERS_MIN: Final = 32


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret) < _SECRET_CHARACTERS_MIN:
        raise ValueError("it is too short")
    return secret


class RegistrySettings(ServiceSettings, PostgresSettings, AuthSettings, RateLimitSettings):
    """Where it listens, where the ledger is, whose tokens it believes, and the bounds of what it does."""

    idempotency_secret: Annotated[SecretStr, AfterValidator(_long_enough)] = Field(
        description=f"at least {_SECRET_CHARACTERS_MIN} random characters, the same for every registry"
    )
    checkpoint_key: Path | None = Field(
        None, description="the path of an Ed25519 private key as PKCS8 PEM, which signs checkpoints"
    )
    checkpoint_file: Path | None = Field(
        None, description="the path of the file that each checkpoint is appended to"
    )
    account_keys_max: int = Field(
        100, ge=1, le=10_000, description="how many live keys an account may have: 1 to 10000"
    )
    reviews_valid_days: int = Field(
        365, ge=1, le=3650, description="for how many days a vendor's reviews are good: 1 to 3650"
    )
