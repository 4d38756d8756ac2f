"""`keyfold audit completeness`: what is whole, what is not, and the exit status of each."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from keyfold.cli.commands.operating.audit import listing
from tests.support.cli.audit_double import Part, auditing

RUN = "0195f000-0000-7000-8000-000000000001"


def hour(**changes: Any) -> dict[str, Any]:
    """Return an hour of a run as the audit service shows it."""
    return {
        "gatekeeper": RUN,
        "hour": "2026-03-15T12:00:00.000000Z",
        "first": 1,
        "last": 900,
        "expected": 900,
        "filed": 900,
        "missing": 0,
        "missing_ranges": [],
        "extra": 0,
        "extra_ranges": [],
        "duplicates": 4,
        "unknown_after": None,
        "ended": False,
        "caught_up": True,
        "run": "announced",
        "rows_checked": True,
        "present": 900,
        "altered_blocks": [],
        **changes,
    }


def holes(*ranges: tuple[int, int]) -> list[dict[str, int]]:
    """Return ranges as the audit service shows them."""
    return [{"first": first, "last": last} for first, last in ranges]


MISSING = hour(filed=880, missing=20, missing_ranges=holes((3, 21), (40, 40)))
TURNED = hour(altered_blocks=holes((0, 2047)))
FORGED = hour(run="not_registered")
EXTRA = hour(filed=901, extra=1, extra_ranges=holes((7, 7)))


def page(*items: dict[str, Any], cursor: str | None = None) -> Part:
    """Return a page of an answer."""
    return Part(
        content=orjson.dumps({"items": items, "next_cursor": cursor}), content_type="application/json"
    )


@pytest.mark.parametrize(
    ("item", "status"),
    [
        *[(hour(), 0), (hour(unknown_after=900), 0), (MISSING, 1), (EXTRA, 1), (TURNED, 1), (FORGED, 1)],
        (hour(extra_ranges=holes((7, 7))), 1),
    ],
)
async def test_the_status_says_whether_it_is_whole(item: dict[str, Any], status: int) -> None:
    """The status is 1 if any number on any page is missing or extra; a program gets the items as JSON."""
    async with auditing(page(item, cursor="more"), page(hour())) as audit:
        result = await audit.keyfold(
            "audit", "completeness", "--since", "2026-03-01T00:00:00Z", "--until", "2026-03-31T00:00:00Z"
        )
        assert (result.exit_code, orjson.loads(result.stdout)) == (status, [item, hour()])
        bounds = {"since": "2026-03-01T00:00:00Z", "until": "2026-03-31T00:00:00Z", "check": "rows"}
        assert [(path, query) for path, query, _ in audit.asked] == [
            ("/v1/audit/completeness", {**bounds, "limit": "100"}),
            ("/v1/audit/completeness", {**bounds, "limit": "100", "cursor": "more"}),
        ]


async def test_a_failure_is_no_answer() -> None:
    """If the audit service cannot answer, the command fails."""
    async with auditing(page(hour(), cursor="more"), Part(status=503)) as audit:
        result = await audit.keyfold("audit", "completeness")
    assert (result.exit_code, result.stdout) == (1, "")


def test_a_row_says_what_is_wrong() -> None:
    """A row has counts with the first ranges, and whether it is known how the run goes on."""
    many = hour(missing=8, missing_ranges=holes((1, 2), (4, 5), (7, 8), (10, 11)), unknown_after=900)
    shown = listing([MISSING, EXTRA, many, hour(ended=True)])
    assert [tuple(map(str, row[2:])) for row in shown.rows] == [
        ("1-900", "900", "880", "20: 3-21, 40", "—", "4", "more", "—"),
        ("1-900", "900", "901", "—", "1: 7", "4", "more", "7 came twice, with different content"),
        ("1-900", "900", "900", "8: 1-2, 4-5, 7-8, …", "—", "4", "unknown", "—"),
        ("1-900", "900", "900", "—", "—", "4", "nothing", "—"),
    ]


@pytest.mark.parametrize(
    ("items", "note"),
    [
        ([hour()], "Each known number of each run is there once."),
        ([MISSING], "The log is not whole: 20 missing, 0 extra."),
        (
            [MISSING, EXTRA],
            "The log is not what gatekeepers wrote: 1 hours are wrong, 20 missing, 1 extra.",
        ),
        (
            [MISSING, {**MISSING, "caught_up": False}],
            "The log is not whole: 40 missing, 0 extra. 20 of the missing may yet come: it is behind.",
        ),
    ],
)
def test_a_verdict_is_one_sentence(items: list[dict[str, Any]], note: str) -> None:
    """The verdict says in one sentence whether the log is whole, and what may only be late."""
    assert listing(items).note == note
