"""Who calls: what a token, and what its login is bound to, make of whoever shows it."""

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
class Binding:
    """What a login is bound to: an account, as its owner, or a vendor; neither where that was ended."""

    account_id: str | None = None
    vendor_id: str | None = None

    @property
    def role(self) -> Role | None:
        """What the binding makes of the login."""
        if self.account_id is not None:
            return Role.OWNER
        return None if self.vendor_id is None else Role.VENDOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a token says by itself: a role or none, and the ids of an account and of a vendor, if any."""

    role: Role | None
    account_id: str | None = None
    vendor_id: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left open that a binding could add."""
        match self.role:
            case None:
                return False
            case Role.OWNER:
                return self.account_id is not None
            case Role.VENDOR:
                return self.vendor_id is not None
            case _:
                return True

    def contradicts(self, binding: Binding) -> bool:
        """Tell whether it says another role, account or vendor than a binding."""
        bound = (binding.role, binding.account_id, binding.vendor_id)
        said = (self.role, self.account_id, self.vendor_id)
        return any(each not in (None, own) for each, own in zip(said, bound, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking; ``sub`` is the actor that events name, and ``issuer`` whose name for it that is.

    ``account_id`` is set for an owner only; ``vendor_id`` for a vendor only, once it has applied. Without a
    ``role`` it is somebody whose token names none and whose login is bound to nothing. ``claimed`` is what
    the token says by itself, where that leaves something open. From ``expires_at`` on the token is no longer
    good: who is the same then is still the same caller.
    """

    role: Role | None
    sub: str
    account_id: str | None = None
    vendor_id: str | None = None
    issuer: str = field(default="", compare=False)
    claimed: Claimed | None = field(default=None, compare=False)
    expires_at: datetime | None = field(default=None, compare=False)

    @property
    def is_bound(self) -> bool:
        """Whether it is what it is by what its login is bound to."""
        return self.claimed is not None and (self.account_id is not None or self.vendor_id is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRejected:
    """Why a token names nobody; fit to be shown, for it repeats nothing of the token."""

    detail: str
