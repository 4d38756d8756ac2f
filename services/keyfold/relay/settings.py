"""What an operator sets for the relay."""

from pydantic import Field

from keyfold.runtime.settings.base import PostgresSettings, ServiceSettings
from keyfold.runtime.settings.kafka import KafkaSettings


class RelaySettings(ServiceSettings, PostgresSettings, KafkaSettings):
    """The environment of one relay process."""

    relay_batch_rows_max: int = Field(
        500, ge=1, le=10_000, description="how many events are sent before the offset moves: 1 to 10000"
    )
