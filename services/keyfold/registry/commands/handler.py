"""The one handler: which streams each command looks at, and what comes of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias, TypeVar

from keyfold.domain.ids import (
    StreamId,
    VendorId,
    account_stream,
    invitation_stream,
    key_stream,
    login_stream,
    vendor_stream,
)
from keyfold.domain.lifecycle import (
    account,
    subscriber_key_commands,
    vendor_commands,
    vendor_key_commands,
)
from keyfold.domain.lifecycle.account import AccountCommand
from keyfold.domain.lifecycle.aggregates import (
    ACCOUNT,
    INVITATION,
    LEDGER,
    LOGIN,
    SEAL_KEY,
    SUBSCRIBER_KEY,
    VENDOR,
    VENDOR_KEY,
    AggregateKind,
)
from keyfold.domain.lifecycle.fold import Aggregate, LifecycleEvent
from keyfold.domain.lifecycle.identity import invitation, login
from keyfold.domain.lifecycle.identity.invitation import (
    InvitationCommand,
    MakeInvitation,
    UseInvitation,
    WithdrawInvitation,
)
from keyfold.domain.lifecycle.identity.login import EndLogin
from keyfold.domain.lifecycle.signatures import seal_key, signed_head
from keyfold.domain.lifecycle.signatures.seal_key import SEAL_KEY_STREAM, AdoptSealKey
from keyfold.domain.lifecycle.signatures.signed_head import LEDGER_STREAM, TakeCheckpoint
from keyfold.domain.lifecycle.subscriber_key_commands import (
    UNSET,
    CreateSubscriberKey,
    EditSubscriberKey,
    RevokeSubscriberKeys,
    SubscriberKeyCommand,
)
from keyfold.domain.lifecycle.vendor import VendorState
from keyfold.domain.lifecycle.vendor_commands import ApplyVendor, VendorCommand
from keyfold.domain.lifecycle.vendor_judgement import VendorJudgement
from keyfold.domain.lifecycle.vendor_key_commands import IssueVendorKey, VendorKeyCommand
from keyfold.domain.refusal import Refusal
from keyfold.store.ledger.read_set import ReadSet, ReadSetValues

Command: TypeAlias = (
    SubscriberKeyCommand
    | RevokeSubscriberKeys
    | VendorKeyCommand
    | AccountCommand
    | VendorCommand
    | InvitationCommand
    | EndLogin
    | TakeCheckpoint
    | AdoptSealKey
)
"""What somebody asks for, made from the request alone: what is known only later is looked at."""

A = TypeVar("A", bound=Aggregate)
Decided: TypeAlias = Sequence[LifecycleEvent] | Refusal

# Made once: a union that is written where it is asked is made anew each time.
_OF_A_KEY = SubscriberKeyCommand | VendorKeyCommand
_OF_AN_ACCOUNT = AccountCommand | RevokeSubscriberKeys
_OF_A_LOGIN = UseInvitation | EndLogin
_BY_A_REVIEWER = VendorJudgement | IssueVendorKey


def subject_of(command: Command) -> StreamId:
    """Return the stream that a command is about; the conditions of a request are held against its version."""
    if isinstance(command, _OF_A_KEY):
        return key_stream(command.key_id)
    if isinstance(command, _OF_AN_ACCOUNT):
        return account_stream(command.account_id)
    if isinstance(command, VendorCommand):
        return vendor_stream(command.vendor_id)
    if isinstance(command, _OF_A_LOGIN):
        return login_stream(command.login_id)
    if isinstance(command, InvitationCommand):
        return invitation_stream(command.invitation_id)
    return SEAL_KEY_STREAM if isinstance(command, AdoptSealKey) else LEDGER_STREAM


def read_set_of(command: Command) -> ReadSet:
    """Return all that a command has to look at."""
    streams = frozenset((subject_of(command), *_find_others(command)))
    if isinstance(command, _BY_A_REVIEWER):
        return ReadSet(streams=streams, speakers=frozenset(((command.vendor_id, command.reviewer),)))
    match command:
        case CreateSubscriberKey(account_id=account_id):
            return ReadSet(streams=streams, accounts=frozenset((account_id,)))
        case RevokeSubscriberKeys(account_id=account_id, key_ids=None):
            return ReadSet(streams=streams, whole_accounts=frozenset((account_id,)))
        case ApplyVendor(applicant=applicant):
            return ReadSet(streams=streams, applicants=frozenset((applicant,)))
    return ReadSet(streams=streams)


def _find_others(command: Command) -> Iterable[StreamId]:
    """Return the streams beside its subject that a command names."""
    if isinstance(command, SubscriberKeyCommand):
        return (account_stream(command.account_id), *map(vendor_stream, _find_vendors(command)))
    if isinstance(command, VendorKeyCommand):
        return (vendor_stream(command.vendor_id),)
    match command:
        case RevokeSubscriberKeys(key_ids=key_ids):
            return map(key_stream, key_ids or ())
        case ApplyVendor(login_id=login_id):
            return (login_stream(login_id),)
        case MakeInvitation():
            return (_find_tenant(command),)
        case UseInvitation(invitation_id=invitation_id):
            return (invitation_stream(invitation_id),)
        case EndLogin(others=others):
            return others
    return ()


def handle(command: Command, seen: ReadSetValues, now: datetime) -> Decided:
    """Return what comes of a command. `seen` has all of its read set; `now` is not before the last event."""
    subject = subject_of(command)
    if isinstance(command, SubscriberKeyCommand):
        return _decide_on_key(command, seen, now)
    if isinstance(command, RevokeSubscriberKeys):
        return _decide_on_keys(command, seen, now)
    if isinstance(command, VendorKeyCommand):
        issued_to = _find(VENDOR, vendor_stream(command.vendor_id), seen)
        return vendor_key_commands.decide(
            command,
            _find(VENDOR_KEY, subject, seen),
            issued_to,
            now,
            speakers=seen.find_speakers(command.vendor_id),
        )
    if isinstance(command, AccountCommand):
        return account.decide(command, _find(ACCOUNT, subject, seen))
    if isinstance(command, ApplyVendor):
        return _decide_on_application(command, seen, now)
    if isinstance(command, VendorCommand):
        speakers = seen.find_speakers(command.vendor_id)
        return vendor_commands.decide(command, _find(VENDOR, subject, seen), now, speakers=speakers)
    if isinstance(command, InvitationCommand):
        return _decide_on_invitation(command, seen, now)
    if isinstance(command, EndLogin):
        others = [_find(LOGIN, each, seen) for each in command.others]
        return login.decide(command, _find(LOGIN, subject, seen), now, others=others)
    if isinstance(command, AdoptSealKey):
        return seal_key.decide(command, _find(SEAL_KEY, subject, seen))
    return signed_head.decide(command, _find(LEDGER, subject, seen), now)


def _find(kind: AggregateKind[A], stream: StreamId, seen: ReadSetValues) -> A | None:
    return kind.narrow(seen.streams[stream].aggregate)


def _decide_on_key(command: SubscriberKeyCommand, seen: ReadSetValues, now: datetime) -> Decided:
    named = {each: _find(VENDOR, vendor_stream(each), seen) for each in _find_vendors(command)}
    is_new = isinstance(command, CreateSubscriberKey)
    return subscriber_key_commands.decide(
        command,
        _find(SUBSCRIBER_KEY, key_stream(command.key_id), seen),
        _find(ACCOUNT, account_stream(command.account_id), seen),
        now,
        live_keys=seen.account_keys[command.account_id].live if is_new else 0,
        approved_vendors={id_ for id_, each in named.items() if each and each.state is VendorState.APPROVED},
    )


def _decide_on_keys(command: RevokeSubscriberKeys, seen: ReadSetValues, now: datetime) -> Decided:
    key_ids = command.key_ids
    if key_ids is None:
        key_ids = tuple(sorted(key.key_id for key in seen.find_active_keys(command.account_id)))
    keys = [_find(SUBSCRIBER_KEY, key_stream(each), seen) for each in key_ids]
    return subscriber_key_commands.decide_revocations(keys, _find(ACCOUNT, subject_of(command), seen), now)


def _decide_on_application(command: ApplyVendor, seen: ReadSetValues, now: datetime) -> Decided:
    made = [
        _find(VENDOR, vendor_stream(each), seen) for each in seen.applications[command.applicant].vendor_ids
    ]
    return vendor_commands.decide_application(
        command,
        _find(VENDOR, subject_of(command), seen),
        now,
        earlier=[each for each in made if each is not None],
        login=_find(LOGIN, login_stream(command.login_id), seen),
    )


def _decide_on_invitation(command: InvitationCommand, seen: ReadSetValues, now: datetime) -> Decided:
    found = _find(INVITATION, invitation_stream(command.invitation_id), seen)
    match command:
        case MakeInvitation():
            is_known = seen.streams[_find_tenant(command)].aggregate is not None
            return invitation.decide(command, found, now, is_known=is_known)
        case UseInvitation(login_id=login_id):
            return invitation.decide(command, found, now, login=_find(LOGIN, login_stream(login_id), seen))
        case WithdrawInvitation():
            return invitation.decide(command, found, now)


def _find_vendors(command: SubscriberKeyCommand) -> Sequence[VendorId]:
    if not isinstance(command, CreateSubscriberKey | EditSubscriberKey) or command.vendor_ids is UNSET:
        return ()
    return command.vendor_ids or ()


def _find_tenant(command: MakeInvitation) -> StreamId:
    if command.account_id is not None:
        return account_stream(command.account_id)
    if command.vendor_id is not None:
        return vendor_stream(command.vendor_id)
    raise LookupError("an invitation is to an account or a vendor")
