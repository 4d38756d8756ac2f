"""What an operator sets for a shipper."""

from pydantic import Field

from keyfold.runtime.settings.base import Directory, ServiceSettings
from keyfold.runtime.settings.kafka import KafkaSettings

_MIB = 1024 * 1024


class ShipperSettings(ServiceSettings, KafkaSettings):
    """The environment of one shipper; it needs no tokens, because it answers only health checks."""

    journal_dir: Directory = Field(
        description="the directory where this host's gatekeepers write their journals"
    )
    shipper_poll_interval_s: float = Field(
        0.05, gt=0, le=10, description="how often to look for new records: above 0, at most 10 seconds"
    )
    shipper_batch_bytes_max: int = Field(
        4 * _MIB, ge=128 * 1024, le=64 * _MIB, description="how much to read at a time: 128 KiB to 64 MiB"
    )
