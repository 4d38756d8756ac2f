"""What an operator sets for the ports of a service: how many connections, and how long each may wait."""

from pydantic import Field
from pydantic_settings import BaseSettings

from keyfold.runtime.sharing.timeouts import Timeouts


class PortSettings(BaseSettings):
    """The part of every service's settings that says how patient its ports are."""

    http_connections_max: int = Field(
        1024,
        ge=2,
        le=1_000_000,
        description="how many connections the service's own port may hold open: 2 to 1000000",
    )
    http_first_byte_timeout_s: float = Field(
        10, gt=0, le=3600, description="how long a new connection may send nothing: up to 3600 seconds"
    )
    http_head_timeout_s: float = Field(
        10, gt=0, le=3600, description="how long a request's head may take to arrive: up to 3600 seconds"
    )
    http_body_timeout_s: float = Field(
        30, gt=0, le=3600, description="how long a request's body may take to arrive: up to 3600 seconds"
    )
    http_idle_timeout_s: float = Field(
        620,
        gt=0,
        le=86_400,
        description="how long a connection is kept between two requests, longer than whatever stands in"
        " front keeps it: up to 86400 seconds",
    )
    http_unread_timeout_s: float = Field(
        60, gt=0, le=3600, description="how long an answer may wait for its reader: up to 3600 seconds"
    )

    @property
    def connections_wanted(self) -> tuple[int, ...]:
        """How many connections each port of the service is to hold, its own port first."""
        return (self.http_connections_max,)

    @property
    def timeouts(self) -> Timeouts:
        """How long a connection may keep the service waiting."""
        return Timeouts(
            first_byte_s=self.http_first_byte_timeout_s,
            head_s=self.http_head_timeout_s,
            body_s=self.http_body_timeout_s,
            idle_s=self.http_idle_timeout_s,
            unread_s=self.http_unread_timeout_s,
        )
