"""The one table of what the ledger holds: each kind of aggregate, its stream, its fold and its events."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from keyfold.domain.ids import (
    StreamId,
    account_stream,
    invitation_stream,
    key_stream,
    login_stream,
    vendor_stream,
)
from keyfold.domain.lifecycle import (
    account,
    subscriber_key,
    vendor,
    vendor_key,
)
from keyfold.domain.lifecycle.identity import invitation, login
from keyfold.domain.lifecycle.signatures import seal_key, signed_head

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class EventType:
    """An event's name in the ledger and on Kafka (CloudEvents `type`), and what it did in a sentence."""

    name: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AggregateKind(Generic[A]):
    """A kind of aggregate: the states it can be in, the stream of an event, the fold, and its events."""

    states: tuple[type[A], ...]
    stream: Callable[[Any], StreamId]
    evolve: Callable[[Any, Any], Any]
    events: Mapping[type, EventType]

    def narrow(self, aggregate: object) -> A | None:
        """Return the aggregate if it is of this kind, else None: an id may be another kind of thing's."""
        return aggregate if isinstance(aggregate, self.states) else None


ACCOUNT: Final[AggregateKind[account.Account]] = AggregateKind(
    states=(account.Account,),
    stream=lambda event: account_stream(event.account_id),
    evolve=account.evolve,
    events={
        account.AccountCreated: EventType("keyfold.account.created", "Account opened"),
        account.IntegrationsEnabled: EventType(
            "keyfold.account.integrations_enabled", "API integrations turned on"
        ),
        account.IntegrationsDisabled: EventType(
            "keyfold.account.integrations_disabled", "API integrations turned off; every key stopped"
        ),
    },
)
VENDOR: Final[AggregateKind[vendor.Vendor]] = AggregateKind(
    states=(vendor.Vendor,),
    stream=lambda event: vendor_stream(event.vendor_id),
    evolve=vendor.evolve,
    events={
        vendor.VendorApplied: EventType("keyfold.vendor.applied", "Application made"),
        vendor.VendorAmended: EventType("keyfold.vendor.amended", "Application amended"),
        vendor.VendorReapplied: EventType("keyfold.vendor.reapplied", "Application made again"),
        vendor.VendorReviewed: EventType("keyfold.vendor.reviewed", "Review recorded"),
        vendor.VendorReviewsLapseNear: EventType(
            "keyfold.vendor.reviews_lapse_near", "Warning that a review lapses"
        ),
        vendor.VendorApproved: EventType("keyfold.vendor.approved", "Vendor approved"),
        vendor.VendorRejected: EventType("keyfold.vendor.rejected", "Application rejected"),
        vendor.VendorSuspended: EventType(
            "keyfold.vendor.suspended", "Vendor suspended; every key of it stopped"
        ),
        vendor.VendorReinstated: EventType(
            "keyfold.vendor.reinstated", "Vendor reinstated; its keys work again"
        ),
    },
)
VENDOR_KEY: Final[AggregateKind[vendor_key.VendorKey]] = AggregateKind(
    states=(vendor_key.ActiveVendorKey, vendor_key.RevokedVendorKey),
    stream=lambda event: key_stream(event.key_id),
    evolve=vendor_key.evolve,
    events={
        vendor_key.VendorKeyIssued: EventType("keyfold.vendor_key.issued", "Vendor key issued"),
        vendor_key.VendorKeyRotated: EventType(
            "keyfold.vendor_key.rotated", "Secret of the vendor key replaced"
        ),
        vendor_key.VendorKeyOverlapEnded: EventType(
            "keyfold.vendor_key.overlap_ended", "The replaced secret of the vendor key stopped working"
        ),
        vendor_key.VendorKeyRevoked: EventType("keyfold.vendor_key.revoked", "Vendor key revoked, for ever"),
    },
)
SUBSCRIBER_KEY: Final[AggregateKind[subscriber_key.SubscriberKey]] = AggregateKind(
    states=(subscriber_key.ActiveSubscriberKey, subscriber_key.RevokedSubscriberKey),
    stream=lambda event: key_stream(event.key_id),
    evolve=subscriber_key.evolve,
    events={
        subscriber_key.SubscriberKeyCreated: EventType("keyfold.subscriber_key.created", "Key created"),
        subscriber_key.SubscriberKeyRenamed: EventType("keyfold.subscriber_key.renamed", "Key renamed"),
        subscriber_key.SubscriberKeyPermissionsChanged: EventType(
            "keyfold.subscriber_key.permissions_changed", "Permissions changed"
        ),
        subscriber_key.SubscriberKeyVendorsChanged: EventType(
            "keyfold.subscriber_key.vendors_changed", "Integrations that may use the key changed"
        ),
        subscriber_key.SubscriberKeyNetworksChanged: EventType(
            "keyfold.subscriber_key.networks_changed", "Networks that the key works from changed"
        ),
        subscriber_key.SubscriberKeyRateLimitChanged: EventType(
            "keyfold.subscriber_key.rate_limit_changed", "How often the key may be used changed"
        ),
        subscriber_key.SubscriberKeyExpiryChanged: EventType(
            "keyfold.subscriber_key.expiry_changed", "Expiry changed"
        ),
        subscriber_key.SubscriberKeyExpiryNear: EventType(
            "keyfold.subscriber_key.expiry_near", "Reminder that the key expires"
        ),
        subscriber_key.SubscriberKeyRotated: EventType("keyfold.subscriber_key.rotated", "Secret replaced"),
        subscriber_key.SubscriberKeyOverlapEnded: EventType(
            "keyfold.subscriber_key.overlap_ended", "The replaced secret stopped working"
        ),
        subscriber_key.SubscriberKeyRevoked: EventType(
            "keyfold.subscriber_key.revoked", "Key revoked, for ever"
        ),
    },
)
LOGIN: Final[AggregateKind[login.Login]] = AggregateKind(
    states=(login.BoundLogin, login.EndedLogin),
    stream=lambda event: login_stream(event.login_id),
    evolve=login.evolve,
    events={
        login.LoginBound: EventType("keyfold.login.bound", "Login let in"),
        login.LoginEnded: EventType("keyfold.login.ended", "Login shut out"),
    },
)
INVITATION: Final[AggregateKind[invitation.Invitation]] = AggregateKind(
    states=(invitation.Invitation,),
    stream=lambda event: invitation_stream(event.invitation_id),
    evolve=invitation.evolve,
    events={
        invitation.InvitationMade: EventType("keyfold.invitation.made", "Invitation made"),
        invitation.InvitationUsed: EventType("keyfold.invitation.used", "Invitation used"),
        invitation.InvitationWithdrawn: EventType("keyfold.invitation.withdrawn", "Invitation withdrawn"),
    },
)
LEDGER: Final[AggregateKind[signed_head.LedgerCheckpoint]] = AggregateKind(
    states=(signed_head.LedgerCheckpoint,),
    stream=lambda _event: signed_head.LEDGER_STREAM,
    evolve=signed_head.evolve,
    events={
        signed_head.LedgerCheckpointed: EventType("keyfold.ledger.checkpointed", "Ledger vouched for"),
    },
)
SEAL_KEY: Final[AggregateKind[seal_key.SealKey]] = AggregateKind(
    states=(seal_key.SealKey,),
    stream=lambda _event: seal_key.SEAL_KEY_STREAM,
    evolve=seal_key.evolve,
    events={
        seal_key.SealKeyAdopted: EventType(
            "keyfold.ledger.seal_key_adopted", "Another key seals the ledger from here on"
        ),
    },
)

KINDS: Final[tuple[AggregateKind[Any], ...]] = (
    ACCOUNT,
    VENDOR,
    VENDOR_KEY,
    SUBSCRIBER_KEY,
    LOGIN,
    INVITATION,
    LEDGER,
    SEAL_KEY,
)
KIND_OF_EVENT: Final = {event: kind for kind in KINDS for event in kind.events}
"""The kind of aggregate that an event happens to, by the event's class."""
EVENT_TYPES: Final = {event: kind.events[event] for event, kind in KIND_OF_EVENT.items()}
"""Every event's name and summary, by its class."""
