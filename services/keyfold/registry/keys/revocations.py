"""An incident, in one request: many keys of an account revoked at once, with an answer for each."""

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from keyfold.domain.ids import AccountId, KeyId, key_stream
from keyfold.domain.lifecycle.aggregates import SUBSCRIBER_KEY
from keyfold.domain.lifecycle.subscriber_key import RevokedSubscriberKey, SubscriberKeyRevoked
from keyfold.domain.lifecycle.subscriber_key_commands import RevokeSubscriberKeys
from keyfold.domain.refusal import REDACTED
from keyfold.registry.commands.execution import Executed
from keyfold.registry.commands.http import CommandsOverHttp, answer_with_etag
from keyfold.runtime.http import Answer, AnyRoute, Instant, JsonBody, OwnAccount, Reply, Request, Route
from keyfold.store.ledger.read_set import NOTHING, ReadSetValues
from keyfold.wire.keys.format import is_key_id

_AT_ONCE_MAX: Final = 1000


def _refuse_number(value: object) -> object:
    if not isinstance(value, bool):  # 1 equals True, and would pass for it
        raise ValueError("it is not true")
    return value


_ONE_OF_BOTH: Final[list[JsonValue]] = [
    {"required": ["key_ids"], "properties": {"key_ids": {"type": "array"}, "all": {"type": "null"}}},
    {"required": ["all"], "properties": {"key_ids": {"type": "null"}, "all": {"const": True}}},
]


class KeysToRevoke(JsonBody):
    """Which keys: those named, or all that are not revoked yet. An id that is no key's finds none."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _ONE_OF_BOTH})

    key_ids: Annotated[
        list[Annotated[str, Field(json_schema_extra={"pattern": r"^[^\x00]*$"})]] | None,
        Field(min_length=1, max_length=_AT_ONCE_MAX),
    ] = None
    all: Annotated[Literal[True], BeforeValidator(_refuse_number)] | None = None

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if (self.key_ids is None) == (self.all is None):
            raise ValueError('give either "key_ids" or "all": true')
        return self


class RevocationResult(StrEnum):
    """What became of one key."""

    REVOKED = "revoked"
    ALREADY_REVOKED = "already_revoked"
    NOT_FOUND = "not_found"


class KeyRevocation(JsonBody):
    """The answer for one key; `key_id` is redacted where it has not the form of a key's id."""

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
        # What is no id may be a secret, so no database is asked for it.
        known = None if key_ids is None else tuple(key_id for key_id in key_ids if is_key_id(key_id))
        command = RevokeSubscriberKeys(account_id=account_id, key_ids=known)
        return await self._commands.respond(request, command, partial(_show, account_id, key_ids))


def _show(account_id: AccountId, named: Sequence[KeyId] | None, executed: Executed) -> Answer:
    revoked = {event.key_id for event in executed.events if isinstance(event, SubscriberKeyRevoked)}
    items = [
        _describe(account_id, key_id, executed.after, is_new=key_id in revoked)
        for key_id in (sorted(revoked) if named is None else named)
    ]
    version = executed.after.streams[executed.subject].version
    return answer_with_etag(KeyRevocations(items=items), version)


def _describe(account_id: AccountId, key_id: KeyId, after: ReadSetValues, *, is_new: bool) -> KeyRevocation:
    stored = after.streams.get(key_stream(key_id), NOTHING)
    key = SUBSCRIBER_KEY.narrow(stored.aggregate)
    if not isinstance(key, RevokedSubscriberKey) or key.account_id != account_id:
        return KeyRevocation(
            key_id=key_id if is_key_id(key_id) else REDACTED,
            result=RevocationResult.NOT_FOUND,
            name=None,
            revoked_at=None,
            version=None,
        )
    return KeyRevocation(
        key_id=key_id,
        result=RevocationResult.REVOKED if is_new else RevocationResult.ALREADY_REVOKED,
        name=key.name,
        revoked_at=key.revoked_at,
        version=stored.version,
    )
