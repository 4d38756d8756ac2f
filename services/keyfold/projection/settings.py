"""What an operator sets for the projection and for a replay."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from keyfold.runtime.settings.base import PostgresSettings, ServiceSettings, file_validator
from keyfold.runtime.settings.kafka import KafkaSettings
from keyfold.runtime.settings.secret_files import StateSettings
from keyfold.wire.proof.seal import load_trusted_keys


class ProjectionSettings(ServiceSettings, PostgresSettings, KafkaSettings, StateSettings):
    """The environment of the projection; `replay` reads the same."""

    projection_batch_events_max: int = Field(
        1000, ge=1, le=10_000, description="how many events one transaction folds at most: 1 to 10000"
    )
    seal_public_keys: Annotated[Path, file_validator(load_trusted_keys)] = Field(
        description="the path of the registry's Ed25519 public keys as PEM, one after the other"
    )
    unsealed_accepted: bool = Field(
        False, description="true while you upgrade from a version without seals: until the first seal comes"
    )
