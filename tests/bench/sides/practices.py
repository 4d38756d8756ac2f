"""Practices with keys whose secrets are known: recorded, published and projected as in production."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keyfold.domain.ids import KEY_PREFIX
from keyfold.domain.lifecycle.account import AccountCreated, IntegrationsEnabled
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.vendor_key import VendorKeyIssued
from keyfold.domain.permissions import Access, Category, Permissions
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.projection.lifecycle_topic import LifecycleTopic
from keyfold.projection.replay import Replay
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.postgres.connection import open_pool
from keyfold.wire.events.record import lifecycle_record
from keyfold.wire.keys.format import SECRET_BYTES, KeyKind, MintedKey, mint
from keyfold.wire.topics import LIFECYCLE
from tests.support.ledger_builder import START, account_id, key_created, vendor_approved, vendor_id
from tests.support.seals import TRUSTED, ledger_on
from tests.support.state_secret import STATE_SECRET
from tests.support.store.events import append_new

READS_PATIENTS = Permissions.of({Category.PATIENT: Access.READ})


@dataclass(frozen=True, slots=True, kw_only=True)
class Practices:
    """One vendor's key, and a subscriber key for each practice."""

    vendor_key: MintedKey
    subscriber_keys: Sequence[MintedKey]

    def events(self) -> Sequence[LifecycleEvent]:
        """Return the events that made all of it."""
        issued = VendorKeyIssued(
            key_id=self.vendor_key.key_id,
            vendor_id=vendor_id(1),
            digest=self.vendor_key.digest,
            secret_hint=self.vendor_key.secret_hint,
            issued_at=START,
        )
        return [*vendor_approved(1), issued, *(each for key in self.subscriber_keys for each in _opened(key))]


def practices(count: int) -> Practices:
    """Mint the keys of this many practices."""
    return Practices(
        vendor_key=_minted(KeyKind.VENDOR, 0),
        subscriber_keys=[_minted(KeyKind.SUBSCRIBER, number) for number in range(1, count + 1)],
    )


async def open_all(world: Practices, dsn: str, kafka: KafkaAccess) -> None:
    """Record the practices in the ledger, publish it, and build the read model."""
    async with (
        open_pool(dsn, application_name="bench") as pool,
        Publisher(ProducerOptions(kafka=kafka)) as publisher,
    ):
        await append_new(ledger_on(pool), world.events())
        rows = await ledger_on(pool).rows_after(0, len(world.events()))
        await publisher.publish(LIFECYCLE.name, 0, [lifecycle_record(*link) for link in rows])
        topic = LifecycleTopic(kafka=kafka, dead_letters=publisher, trusted=TRUSTED)
        await Replay(dsn=dsn, pool=pool, topic=topic, clock=SYSTEM_CLOCK, secret=STATE_SECRET).run()


def _minted(kind: KeyKind, number: int) -> MintedKey:
    return mint(kind, f"{number:012}", SYSTEM_CLOCK.random_bytes(SECRET_BYTES))


def _opened(key: MintedKey) -> Sequence[LifecycleEvent]:
    number = int(key.key_id.removeprefix(KEY_PREFIX))
    account = account_id(number)
    return (
        AccountCreated(account_id=account, name="Practice"),
        IntegrationsEnabled(account_id=account),
        key_created(
            number,
            number,
            name="Key",
            permissions=READS_PATIENTS,
            digest=key.digest,
            secret_hint=key.secret_hint,
        ),
    )
