"""What an operator sets for the audit service."""

from pydantic import Field

from keyfold.runtime.settings.base import (
    AuthSettings,
    PostgresSettings,
    RateLimitSettings,
    ServiceSettings,
)
from keyfold.runtime.settings.kafka import KafkaSettings
from keyfold.runtime.settings.secret_files import LogSecretSettings


class AuditSettings(
    ServiceSettings, PostgresSettings, KafkaSettings, AuthSettings, RateLimitSettings, LogSecretSettings
):
    """The environment of one audit process."""

    audit_batch_events_max: int = Field(
        5000, ge=1, le=100_000, description="how many events one transaction files at most: 1 to 100000"
    )
    audit_batch_wait_s: float = Field(
        0.02,
        ge=0,
        le=5,
        description="how long a batch that is not full waits for more: 0 to 5 seconds",
    )
    audit_future_max_s: float = Field(
        300,
        ge=1,
        le=86_400,
        description="how far ahead of this clock an event may be before it is a dead letter: 1 s to a day",
    )
    audit_junk_per_minute: int = Field(
        100,
        ge=1,
        le=100_000,
        description="how many unreadable records a minute are kept whole as dead letters: 1 to 100000;"
        " the others are counted and passed over",
    )
    audit_streams_max: int = Field(
        200,
        ge=1,
        le=10_000,
        description="how many streams may be open at once, at most a quarter for one tenant: 1 to 10000",
    )
    audit_stream_heartbeat_s: float = Field(
        15,
        ge=0.1,
        le=300,
        description="how long a stream is silent before it sends a heartbeat: 0.1 to 300 seconds",
    )
    audit_exports_max: int = Field(
        8,
        ge=1,
        le=100,
        description="how many exports may run at once, at most a quarter for one tenant: 1 to 100",
    )
    audit_export_time_max_s: float = Field(
        3600,
        ge=1,
        le=86_400,
        description="how long an export may take before it is cut off: 1 second to a day",
    )
