"""The dead letters, for operators: each one's reason, origin and outline, without what it holds."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Self

from pydantic import Field

from keyfold.kafka.dead_letters.newest import Letter, read_newest_letters
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import (
    Answer,
    AnyRoute,
    Instant,
    JsonBody,
    PageQuery,
    Request,
    Roles,
    Route,
    cut,
    encode_cursor,
)
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.keys.format import holds_key
from keyfold.wire.outline import Form, outline
from keyfold.wire.topics import ALL, DEAD_LETTER

_OPERATOR: Final = Roles(frozenset({Role.OPERATOR}))
_TOPICS: Final = frozenset(topic.name for topic in ALL)
_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
# Our own reasons look like this: plain words, none as long as a key or a token.
_REASON: Final = re.compile(r"(?=.{1,200}$)[\w'(),.:;-]{1,32}(?: [\w'(),.:;-]{1,32})*", re.ASCII)
_CursorWord = Annotated[
    str,
    Field(
        max_length=1024,
        json_schema_extra={
            "format": "dead-letter-cursor",
            "description": "the next_cursor of an answer of this list",
        },
    ),
]


class DeadLettersQuery(PageQuery):
    """Which page of the list is asked for."""

    cursor: _CursorWord | None = None


class DeadLetterItem(JsonBody):
    """A record that nobody could understand: where it came from, why, and an outline of it.

    `position` is its place among the dead letters. `topic`, `partition`, `offset` and `error` are from its
    headers, null if those do not look like ours. `holds` is the form of its value; `members` are its known
    members with a proper value, `left_out` is the number of all others. Nothing else of it is shown.
    """

    position: int
    recorded_at: Instant | None
    topic: str | None
    partition: int | None
    offset: int | None
    error: str | None
    size_bytes: int
    holds: Form
    members: dict[str, str | int | bool | None]
    left_out: int

    @classmethod
    def of(cls, letter: Letter) -> Self:
        """Return what an operator sees of a dead letter."""
        value = letter.received.value
        found = outline(value)
        return cls(
            position=letter.received.offset,
            recorded_at=_instant(letter.received.timestamp_ms),
            topic=letter.topic if letter.topic in _TOPICS else None,
            partition=_number(letter.partition),
            offset=_number(letter.offset),
            error=_as_plain(letter.reason),
            size_bytes=len(value or b""),
            holds=found.form,
            members=dict(found.members),
            left_out=found.left_out,
        )


class DeadLettersPage(JsonBody):
    """Dead letters, newest first, and where the next page starts."""

    items: list[DeadLetterItem]
    next_cursor: str | None


class DeadLettersCursor(JsonBody):
    """Where the next page starts: before the position that the one before it ends with."""

    before: Annotated[int, Field(ge=0, lt=2**63)]


class DeadLetters:
    """The handler of the list of dead letters."""

    def __init__(self, kafka: KafkaAccess, topic: str = DEAD_LETTER.name) -> None:
        self._kafka = kafka
        self._topic = topic

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return this part of the service's route table."""
        return (
            Route(
                method="GET",
                path="/v1/dead-letters",
                handler=self.dead_letters,
                rule=_OPERATOR,
                summary="Records that could not be understood, newest first, without what they hold.",
                query=DeadLettersQuery,
                answer=DeadLettersPage,
                refusals=(503,),
            ),
        )

    async def dead_letters(self, request: Request[None, DeadLettersQuery]) -> Answer:
        """Answer with dead letters, newest first."""
        after = request.query.after(DeadLettersCursor)
        letters = await read_newest_letters(
            self._kafka,
            self._topic,
            letters_max=request.query.rows_max,
            before=None if after is None else after.before,
            client_id="keyfold-audit-asking",
        )
        shown, next_cursor = cut(letters, request.query, _cursor)
        items = [DeadLetterItem.of(letter) for letter in shown]
        return Answer(body=DeadLettersPage(items=items, next_cursor=next_cursor))


def _cursor(last: Letter) -> str:
    return encode_cursor(DeadLettersCursor(before=last.received.offset))


def _as_plain(reason: str | None) -> str | None:
    is_ours = reason is not None and _REASON.fullmatch(reason) is not None and not holds_key(reason)
    return reason if is_ours else None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


def _instant(timestamp_ms: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # its sender chose a time outside of the calendar
