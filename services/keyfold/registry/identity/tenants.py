"""An account or a vendor, as what somebody is invited to and signs in for."""

from collections.abc import Mapping
from dataclasses import dataclass

from keyfold.domain.ids import AccountId, StreamId, VendorId, account_stream, vendor_stream
from keyfold.runtime.auth.caller import Caller, Role


@dataclass(frozen=True, slots=True)
class Tenant:
    """An account or a vendor: one of the two ids is set."""

    account_id: AccountId | None
    vendor_id: VendorId | None

    @classmethod
    def of(cls, account_id: str | None, vendor_id: str | None) -> "Tenant | None":
        """Return the account or vendor that one of the two ids names, None where both are None."""
        if account_id is not None:
            return cls(AccountId(account_id), None)
        return None if vendor_id is None else cls(None, VendorId(vendor_id))

    @property
    def id(self) -> AccountId | VendorId:
        """The id that is set."""
        for each in (self.account_id, self.vendor_id):
            if each is not None:
                return each
        raise LookupError("a tenant has one of two ids")

    @property
    def role(self) -> Role:
        """What a login is here that speaks for it."""
        return Role.VENDOR if self.account_id is None else Role.OWNER

    @property
    def stream(self) -> StreamId:
        """Its own stream in the ledger."""
        if self.account_id is not None:
            return account_stream(self.account_id)
        return vendor_stream(VendorId(self.id))


def own_tenant(caller: Caller) -> Tenant | None:
    """Return the account or vendor that a caller speaks for."""
    return Tenant.of(caller.account_id, caller.vendor_id)


def tenant_of_path(path: Mapping[str, str]) -> Tenant:
    """Return the account or vendor that a path names. Raises LookupError where it names none."""
    tenant = Tenant.of(path.get("account_id"), path.get("vendor_id"))
    if tenant is None:
        raise LookupError("the path names no account and no vendor")
    return tenant
