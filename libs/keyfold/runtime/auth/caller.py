"""Who calls, by the token and by what its login is bound to."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """A caller's role on the platform."""

    OWNER = "owner"
    VENDOR = "vendor"
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a login is bound to: an account, as its owner, or a vendor; neither once that has ended."""

    account_id: str | None = None
    vendor_id: str | None = None

    @property
    def role(self) -> Role | None:
        """The role that the binding gives the login."""
        if self.account_id is not None:
            return Role.OWNER
        return None if self.vendor_id is None else Role.VENDOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a token itself says: a role, an account's id and a vendor's id, each None if it does not."""

    role: Role | None
    account_id: str | None = None
    vendor_id: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the token says all that a binding could add."""
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
        """Tell whether the token says another role, account or vendor than the binding."""
        bound = (binding.role, binding.account_id, binding.vendor_id)
        said = (self.role, self.account_id, self.vendor_id)
        return any(each not in (None, own) for each, own in zip(said, bound, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking; ``sub`` is the actor that events name, as ``issuer`` calls it.

    ``account_id`` is set for an owner only; ``vendor_id`` for a vendor only, once it has applied. ``role`` is
    None if the token names none and the login is bound to nothing. ``claimed`` is what the token itself says,
    if that leaves something open. The token expires at ``expires_at``; a later token makes an equal caller.
    """

    role: Role | None
    sub: str
    account_id: str | None = None
    vendor_id: str | None = None
    issuer: str = field(default="", compare=False)
    claimed: Claimed | None = field(default=None, compare=False)
    expires_at: datetime | None = field(default=None, compare=False)

    @property
    def tenant(self) -> str:
        """Whose share the caller uses: its account's, its vendor's, or its own if it has neither."""
        # As a tuple's text, since a name may hold any separator.
        return repr((self.role and self.role.value, self.account_id or self.vendor_id or self.sub))

    @property
    def is_bound(self) -> bool:
        """Whether the caller's account or vendor comes from what its login is bound to."""
        return self.claimed is not None and (self.account_id is not None or self.vendor_id is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRejected:
    """Why a token names nobody; fit to be shown, as it repeats nothing of the token."""

    detail: str
