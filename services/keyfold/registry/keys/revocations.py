"""An incident, in one request: many keys of an account revoked at once, with an answer for each."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from keyfold.domain.ids import AccountId, KeyId, account_stream, key_stream
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.subscriber_key import RevokedSubscriberKey
from keyfold.domain.lifecycle.subscriber_key_commands import RevokeSubscriberKey, decide
from keyfold.domain.refusal import Refusal, not_found
from keyfold.registry.commands.execution import Command
from keyfold.registry.commands.http import CommandsOverHttp, with_etag
from keyfold.registry.commands.kinds import ACCOUNT, SUBSCRIBER_KEY, held
from keyfold.registry.commands.problems import REDACTED
from keyfold.runtime.http import Answer, AnyRoute, Instant, JsonBody, OwnAccount, Reply, Request, Route
from keyfold.store.ledger.read_set import NOTHING, ReadSetValues
from keyfold.wire.keys.format import is_key_id

_AT_ONCE_MAX: Final = 1000


def _no_number(value: object) -> object:
    if not isinstance(value, bool):  # 1 equals True, and would pass for it
        raise ValueError("it is not true")
    return value


_ONE_OF_BOTH: Final[list[JsonValue]] = [
    {"required": ["key_ids"], "properties": {"key_ids": {"type": "array"}, "all": {"type": "null"}}},
    {"required": ["all"], "properties": {"key_ids": {"type": "null"}, "all": {"const": True}}},
]


class KeysToRevoke(JsonBody):
    """Which keys: those named, or every one that is not revoked yet. What is no key's id finds none."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _ONE_OF_BOTH})

    key_ids: Annotated[
        list[Annotated[str, Field(json_schema_extra={"pattern": r"^[^\x00]*$"})]] | None,
        Field(min_length=1, max_length=_AT_ONCE_MAX),
    ] = None
    all: Annotated[Literal[True], BeforeValidator(_no_number)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.key_ids is None) == (self.all is None):
            raise ValueError('give either "key_ids" or "all": true')
        return self


class RevocationResult(StrEnum):
    """What became of one key."""

    REVOKED = "revoked"
    ALREADY_REVOKED = "already_revoked"
    NOT_FOUND = "not_found"


class KeyRevocation(JsonBody):
    """The answer for one key; `key_id` is redacted where what was named is no key's id."""

    key_id: str
    result: RevocationResult
    name: str | None
    revoked_at: Instant | None
    version: int | None


class KeyRevocations(JsonBody):
    """An answer for each key, in the order in which they were named."""

    items: list[KeyRevocation]


class Revocations:
    """The call that revokes many keys."""

    def __init__(self, commands: CommandsOverHttp) -> None:
        self._commands = commands

    def routes(self) -> list[AnyRoute]:
        """Return the row of the route table."""
        return [
            Route(
                method="POST",
                path="/v1/accounts/{account_id}/keys/revoke",
                handler=self.revoke_keys,
                rule=OwnAccount(),
                summary="Revoke many keys for ever, or all: all of it happens or nothing.",
                body=KeysToRevoke,
                answer=KeyRevocations,
                refusals=(409, 412),
            )
        ]

    async def revoke_keys(self, request: Request[KeysToRevoke, None]) -> Reply:
        """Revoke the keys; one that is not there, or is another account's, hinders no other."""
        account_id = AccountId(request.path["account_id"])
        named = request.body.key_ids
        key_ids = None if named is None else tuple(KeyId(key_id) for key_id in dict.fromkeys(named))
        return await self._commands.respond(request, _revocation(account_id, key_ids))


def _revocation(account_id: AccountId, named: tuple[KeyId, ...] | None) -> Command:
    account_at = account_stream(account_id)
    before: list[ReadSetValues] = []

    def key_ids(loaded: ReadSetValues) -> Iterable[KeyId]:
        if named is not None:
            return named
        return sorted(key.key_id for key in loaded.active_keys(account_id))

    def decided(loaded: ReadSetValues, now: datetime) -> tuple[LifecycleEvent, ...] | Refusal:
        before[:] = [loaded]
        account = held(loaded.streams[account_at].aggregate, ACCOUNT)
        if account is None:
            return not_found("account")
        each_decided = [
            decide(
                RevokeSubscriberKey(revoked_at=now),
                held(loaded.streams[key_stream(key_id)].aggregate, SUBSCRIBER_KEY),
                account,
            )
            for key_id in key_ids(loaded)
            if is_key_id(key_id)
        ]
        return tuple(event for events in each_decided if not isinstance(events, Refusal) for event in events)

    def show(after: ReadSetValues, _now: datetime) -> Answer:
        items = [_result(account_id, key_id, before[0], after) for key_id in key_ids(before[0])]
        return with_etag(KeyRevocations(items=items), after.streams[account_at].version)

    return Command(
        subject=account_at,
        # What is no id is no stream either: it may be a secret, which no database is asked for.
        others=tuple(key_stream(key_id) for key_id in named or () if is_key_id(key_id)),
        account=account_id if named is None else None,
        is_whole_account=named is None,
        decide=decided,
        show=show,
    )


def _result(
    account_id: AccountId, key_id: KeyId, before: ReadSetValues, after: ReadSetValues
) -> KeyRevocation:
    stored = after.streams.get(key_stream(key_id), NOTHING)
    key = held(stored.aggregate, SUBSCRIBER_KEY)
    if not isinstance(key, RevokedSubscriberKey) or key.account_id != account_id:
        result = RevocationResult.NOT_FOUND
        shown = key_id if is_key_id(key_id) else REDACTED
        return KeyRevocation(key_id=shown, result=result, name=None, revoked_at=None, version=None)
    is_new = before.streams[key_stream(key_id)].version != stored.version
    return KeyRevocation(
        key_id=key_id,
        result=RevocationResult.REVOKED if is_new else RevocationResult.ALREADY_REVOKED,
        name=key.name,
        revoked_at=key.revoked_at,
        version=stored.version,
    )
