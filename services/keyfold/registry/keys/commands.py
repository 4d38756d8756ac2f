"""Commands on one subscriber key, from what a caller names to what the domain decides on."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from keyfold.domain.ids import (
    VENDOR_PREFIX,
    AccountId,
    KeyId,
    VendorId,
    account_stream,
    key_stream,
    vendor_stream,
)
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.subscriber_key_commands import SubscriberKeyCommand, decide
from keyfold.domain.lifecycle.vendor import VendorState
from keyfold.domain.refusal import Refusal, invalid
from keyfold.registry.commands.execution import Command, Show
from keyfold.registry.commands.kinds import ACCOUNT, SUBSCRIBER_KEY, VENDOR, held
from keyfold.registry.commands.problems import REDACTED
from keyfold.runtime.http import Answer
from keyfold.store.ledger.read_set import ReadSetValues

CommandAt: TypeAlias = Callable[[ReadSetValues, datetime], SubscriberKeyCommand]
"""Makes the command of what was looked at and the present time."""


def _nothing(_after: ReadSetValues, _now: datetime) -> Answer:
    return Answer()


def key_command(
    account_id: AccountId,
    key_id: KeyId,
    command_at: CommandAt,
    *,
    vendor_ids: Sequence[VendorId] = (),
    counts_keys: bool = False,
    show: Show = _nothing,
) -> Command:
    """Return the command on a key of an account; vendors that it newly names must be approved.

    With `counts_keys` the account's live keys are among what was looked at.
    """
    key_at, account_at = key_stream(key_id), account_stream(account_id)

    def decided(loaded: ReadSetValues, now: datetime) -> tuple[LifecycleEvent, ...] | Refusal:
        key = held(loaded.streams[key_at].aggregate, SUBSCRIBER_KEY)
        account = held(loaded.streams[account_at].aggregate, ACCOUNT)
        events = decide(command_at(loaded, now), key, account)
        unknown = [] if isinstance(events, Refusal) else _unknown(vendor_ids, key, loaded)
        return _no_such_vendors(unknown) if unknown else events

    others = (account_at, *(vendor_stream(vendor_id) for vendor_id in vendor_ids))
    account = account_id if counts_keys else None
    return Command(subject=key_at, others=others, account=account, decide=decided, show=show)


def _unknown(
    vendor_ids: Iterable[VendorId], key: SubscriberKey | None, loaded: ReadSetValues
) -> list[VendorId]:
    """Return those that are not approved; one that the key names already may have been suspended since."""
    kept = (key.vendor_ids or ()) if isinstance(key, ActiveSubscriberKey) else ()
    return [each for each in vendor_ids if each not in kept and not _approved(each, loaded)]


def _approved(vendor_id: VendorId, loaded: ReadSetValues) -> bool:
    vendor = held(loaded.streams[vendor_stream(vendor_id)].aggregate, VENDOR)
    return vendor is not None and vendor.state is VendorState.APPROVED


def _no_such_vendors(vendor_ids: Iterable[VendorId]) -> Refusal:
    # What was named instead of an id may be a secret.
    named = [each if each.startswith(VENDOR_PREFIX) else REDACTED for each in vendor_ids]
    return invalid("unknown-vendors", f"No approved vendors: {', '.join(named)}.")
