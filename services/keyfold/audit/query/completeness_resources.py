"""The shapes of the completeness query: which hours, and what the log has of each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, Self, assert_never

from pydantic import Field

from keyfold.runtime.http import GivenInstant, GivenInt, Instant, JsonBody, PageQuery
from keyfold.store.access_log.completeness.filed_numbers import BLOCK_NUMBERS
from keyfold.store.access_log.completeness.numbers import NumberRange, RunHour
from keyfold.store.access_log.completeness.run_standings import RunStanding
from keyfold.store.access_log.completeness.wholeness import Wholeness
from keyfold.wire.access.codec import RUN_CHARACTERS_MAX

HOURS_MAX: Final = 1000
_MAYBE_UNSUMMED: Final = frozenset({"began_before", "registered_without_key"})
"""Runs that may have rows from before there were sums; of the second that is an alarm of its own."""
_CursorWord = Annotated[
    str,
    Field(
        max_length=1024,
        json_schema_extra={
            "format": "completeness-cursor",
            "description": "the next_cursor of an answer of this list",
        },
    ),
]


class CompletenessQuery(PageQuery):
    """Which hours are asked for: those from `since`, included, to `until`, excluded, also in part.

    `check=numbers` is quick and compares what was filed; `rows` also reads every row and compares it.
    """

    since: GivenInstant | None = None
    until: GivenInstant | None = None
    check: Literal["numbers", "rows"] = "rows"
    limit: GivenInt = Field(100, ge=1, le=HOURS_MAX)
    cursor: _CursorWord | None = None


class Numbers(JsonBody):
    """Numbers from the first to the last, both included."""

    first: int
    last: int

    @classmethod
    def each(cls, ranges: Sequence[NumberRange]) -> list[Self]:
        """Return what a caller sees of ranges."""
        return [cls(first=each.first, last=each.last) for each in ranges]


class CompletenessItem(JsonBody):
    """What the log has of one run of a gatekeeper in the hour that begins at `hour`.

    `filed` is `expected` less `missing` plus `extra`; of the ranges only the first hundred are given. Numbers
    of `extra_ranges` came more than once with different content: somebody else wrote to the topic. Under
    another id it is an `extra` row; under the same id what came first stays, and there is no extra row.
    Events dropped as `duplicates` do not count. `unknown_after` is the run's last known number, if it is
    not known whether there is a higher one; it is null if a higher one is known, or if the run has `ended`.
    `caught_up` says that everything that Kafka had when the hour or the run ended is filed.

    `run` says whether a gatekeeper announced the run; any but `announced` and `began_before` is an alarm. If
    the rows were checked, `present` of them are there, and in `altered_blocks` of numbers they are not those
    that were filed: some were deleted, added or changed.
    """

    gatekeeper: str
    hour: Instant
    first: int
    last: int
    expected: int
    filed: int
    missing: int
    missing_ranges: list[Numbers]
    extra: int
    extra_ranges: list[Numbers]
    duplicates: int
    unknown_after: int | None
    ended: bool
    caught_up: bool
    run: RunStanding
    rows_checked: bool
    present: int | None
    altered_blocks: list[Numbers]

    @classmethod
    def of(cls, found: RunHour, caught_up_at: datetime | None) -> Self:
        """Return what a caller sees of a run's hour, in a log that had caught up at that time."""
        return cls(
            gatekeeper=found.gatekeeper,
            hour=found.hour,
            first=found.first,
            last=found.last,
            expected=found.expected,
            filed=found.filed,
            missing=found.missing,
            missing_ranges=Numbers.each(found.missing_ranges),
            extra=found.extra,
            extra_ranges=Numbers.each(found.extra_ranges),
            duplicates=found.duplicates,
            unknown_after=_unknown_after(found),
            ended=found.closing is not None and found.closing.is_exact,
            caught_up=caught_up_at is not None and caught_up_at >= found.settled_at,
            run=found.run,
            rows_checked=found.rows is not None,
            present=None if found.rows is None else found.rows.present,
            altered_blocks=_blocks(found),
        )


def _blocks(found: RunHour) -> list[Numbers]:
    if found.rows is None:
        return []
    blocks = found.rows.altered_blocks
    if found.rows.unsealed_blocks and found.run not in _MAYBE_UNSUMMED:
        # A run that is announced was summed from its first row on: whoever took the sums away took them all.
        blocks = blocks or (found.first // BLOCK_NUMBERS,)
    return [Numbers(first=each * BLOCK_NUMBERS, last=(each + 1) * BLOCK_NUMBERS - 1) for each in blocks]


def _unknown_after(found: RunHour) -> int | None:
    if found.is_followed:
        return None
    if found.closing is None:
        return found.last
    return None if found.closing.is_exact else max(found.last, found.closing.last)


class CompletenessPage(JsonBody):
    """Runs' hours, newest first, and where the next page starts."""

    items: list[CompletenessItem]
    next_cursor: str | None


BecauseWord = Literal["missing", "not_caught_up", "unknown"]


class WholenessResource(JsonBody):
    """Up to when the log has every decision, null where that is not known, and why not further.

    `because` is null where it is known up to half a minute ago. `missing` is how many decisions are known to
    have been made after that and are not in the log; there may be more. While it says `not_caught_up` they
    are on their way.
    """

    whole_until: Instant | None
    because: BecauseWord | None
    missing: int
    sentence: str

    @classmethod
    def of(cls, found: Wholeness) -> Self:
        """Return what a caller sees of it."""
        because = _because(found)
        return cls(
            whole_until=found.until,
            because=because,
            missing=found.lacking,
            sentence=_sentence(found, because),
        )


def _because(found: Wholeness) -> BecauseWord | None:
    if found.lacking and found.are_missing:
        return "missing"
    if found.is_fresh:
        return None
    return "not_caught_up" if found.lacking else "unknown"


def _sentence(found: Wholeness, because: BecauseWord | None) -> str:
    requests = "1 request" if found.lacking == 1 else f"{found.lacking:,} requests"
    match because:
        case None:
            return "Every request of before then is in the log."
        case "missing":
            return f"At least {requests} from after then did not come into the log."
        case "not_caught_up":
            return f"At least {requests} from after then are on their way into the log."
        case "unknown" if found.until is None:
            return "It is not known whether every request is in the log."
        case "unknown":
            return "It is not known whether every request from after then is in the log."
        case _:
            assert_never(because)


class CompletenessCursor(JsonBody):
    """Where the next page starts: after the last hour and run of the page before."""

    hour: GivenInstant
    gatekeeper: Annotated[str, Field(max_length=RUN_CHARACTERS_MAX, pattern=r"^[^\x00]*$")]
