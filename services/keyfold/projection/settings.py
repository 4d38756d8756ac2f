"""What an operator sets for the projection and for a replay."""

from pydantic import Field

from keyfold.runtime.settings.base import PostgresSettings, ServiceSettings
from keyfold.runtime.settings.kafka import KafkaSettings
from keyfold.runtime.settings.secret_files import StateSettings


class ProjectionSettings(ServiceSettings, PostgresSettings, KafkaSettings, StateSettings):
    """The environment of the projection; `replay` reads the same."""

    projection_batch_events_max: int = Field(
        1000, ge=1, le=10_000, description="how many events one transaction folds at most: 1 to 10000"
    )
    projection_dead_letter_ratio_max: float = Field(
        0.1, gt=0, le=1, description="the share of records that may be foreign: above 0, at most 1"
    )
