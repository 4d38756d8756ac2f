"""Remedies: what would have to change so that a reason no longer denies a request, and who can change it."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from msgspec import Struct

from keyfold.domain.ids import VendorId
from keyfold.domain.network import Network
from keyfold.domain.permissions import Access


class Mender(StrEnum):
    """Who can change what has to be changed; the caller by asking for something else."""

    CALLER = "caller"
    OWNER = "owner"
    VENDOR = "vendor"
    REVIEWER = "reviewer"
    OPERATOR = "operator"


class Remedy(Struct, frozen=True, gc=False):
    """A change in a sentence, and who can make it."""

    change: str
    by: Mender


USE_ANOTHER_VENDOR_KEY: Final = Remedy(
    "Use another key of this vendor: this one was revoked, for ever.", Mender.VENDOR
)
REINSTATE: Final = Remedy("Reinstate the vendor.", Mender.REVIEWER)
CREATE_ANOTHER_KEY: Final = Remedy("Create another key: this one was revoked, for ever.", Mender.OWNER)
EXPIRE_LATER: Final = Remedy("Give the key a later expires_at, or none.", Mender.OWNER)
ENABLE_INTEGRATIONS: Final = Remedy("Turn integrations on.", Mender.OWNER)
SEND_A_PLAIN_PATH: Final = Remedy(
    "Send a path that reads in one way only: plain, no empty or dot segments, nothing encoded"
    " that need not be.",
    Mender.CALLER,
)
MAP_THE_ROUTE: Final = Remedy("Give the path a line in the route map.", Mender.OPERATOR)
HEAR_THE_LEDGER: Final = Remedy(
    "Wait until this gatekeeper hears the ledger again: what it knows may be out of date.",
    Mender.OPERATOR,
)


def permit(vendor_id: VendorId) -> Remedy:
    """Return the remedy for a key that only other vendors may use."""
    return Remedy(f"Add {vendor_id} to the key's vendor_ids.", Mender.OWNER)


def grant(access: Access, category: str) -> Remedy:
    """Return the remedy for a key that lacks an access to a category."""
    return Remedy(f"Grant {access.word} to {category}.", Mender.OWNER)


def admit(client: str, allowed: Collection[Network] | None = None) -> Remedy:
    """Return the remedy for a key that may not be used from the client's address or network.

    `allowed` is where it may be used, None if that is not to be said.
    """
    works = "" if allowed is None else f": it works from {name_networks(allowed)} alone"
    return Remedy(f"Add a network that holds {client} to the key's{works}.", Mender.OWNER)


def name_networks(allowed: Collection[Network]) -> str:
    """Return the networks that a key works from, as text."""
    return ", ".join(map(str, allowed)) or "nowhere"
