"""Who calls: what a token makes of whoever shows it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a caller is to the platform."""

    OWNER = "owner"
    VENDOR = "vendor"
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking; ``sub`` is the actor that events name.

    ``account_id`` is set for an owner only; ``vendor_id`` for a vendor only, once it has applied. From
    ``expires_at`` on the token is no longer good: who is the same then is still the same caller.
    """

    role: Role
    sub: str
    account_id: str | None = None
    vendor_id: str | None = None
    expires_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Why a token names nobody; fit to be shown, for it repeats nothing of the token."""

    detail: str
