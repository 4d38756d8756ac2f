"""What an operator sets for the audit service."""

from pydantic import Field

from keyfold.runtime.settings.base import (
    AuthSettings,
    KafkaSettings,
    PostgresSettings,
    RateLimitSettings,
    ServiceSettings,
)


class AuditSettings(ServiceSettings, PostgresSettings, KafkaSettings, AuthSettings, RateLimitSettings):
    """The environment of one audit process."""

    audit_batch_events_max: int = Field(
        5000, ge=1, le=100_000, description="how many events one transaction may file: 1 to 100000"
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
    audit_dead_letter_ratio_max: float = Field(
        0.1,
        gt=0,
        le=1,
        description="which part of recent records may be unreadable before the service stops: above 0, to 1",
    )
    audit_streams_max: int = Field(
        200,
        ge=1,
        le=10_000,
        description="how many streams may be open at once, a quarter of them one tenant's: 1 to 10000",
    )
    audit_stream_heartbeat_s: float = Field(
        15,
        ge=0.1,
        le=300,
        description="after how much silence a stream says that it is alive: 0.1 to 300 seconds",
    )
    audit_exports_max: int = Field(
        8,
        ge=1,
        le=100,
        description="how many exports may be under way at once, a quarter of them one tenant's: 1 to 100",
    )
    audit_export_time_max_s: float = Field(
        3600,
        ge=1,
        le=86_400,
        description="after how long an export is cut off: 1 second to a day",
    )
