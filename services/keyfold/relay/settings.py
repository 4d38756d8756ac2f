"""What the relay is told by its environment."""

from pydantic import Field

from keyfold.runtime.settings.base import KafkaSettings, PostgresSettings, ServiceSettings


class RelaySettings(ServiceSettings, PostgresSettings, KafkaSettings):
    """Where it answers probes, where the ledger is, and where it goes."""

    relay_batch_rows_max: int = Field(
        500, ge=1, le=10_000, description="how many events are sent before the checkpoint moves: 1 to 10000"
    )
