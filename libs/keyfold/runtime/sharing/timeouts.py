"""How long a connection may keep a server waiting."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """In seconds: to a connection's first byte, a whole head, a whole body; without a request; unread.

    `idle_s` is longer than load balancers and gateways keep a connection: so they close it, and no request
    meets a connection that is being closed. `unread_s` is how long an answer may wait for its reader.
    """

    first_byte_s: float = 10.0
    head_s: float = 10.0
    body_s: float = 30.0
    idle_s: float = 620.0
    unread_s: float = 60.0


DEFAULT_TIMEOUTS: Final = Timeouts()
