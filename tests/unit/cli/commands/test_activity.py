"""`keyfold activity`: events arrive once and in order, files are complete, counts are drawn."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from keyfold.cli.commands.activity.scope import NameColumns, Origins, request_of
from keyfold.cli.commands.activity.summary import rows
from keyfold.cli.commands.activity.tail import lines
from keyfold.cli.screen import Bars, Room
from keyfold.cli.screen.sparkline import sparkline
from keyfold.client.streaming import EventReader
from tests.support.cli.audit_double import Part, auditing, encode_events, item

STREAM = "/v1/accounts/acc_1/activity/stream"
EXPORT = "/v1/accounts/acc_1/activity/export"
DAY = timedelta(days=1)
FIRST = datetime(2026, 3, 1, tzinfo=UTC)


def files(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder."""
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def paths(output: str) -> list[str]:
    """Return the paths in the output, which is a JSON object a line."""
    return [orjson.loads(each)["path"].rpartition("/")[2] for each in output.splitlines()]


async def test_tail_survives_a_reconnect() -> None:
    """Each event is a line; after a lost connection, the stream goes on after the last complete event."""
    beginning = b"retry: 1\nid: 0\n\n"
    half = encode_events(3)[:40]
    async with auditing(
        Part(content=beginning + encode_events(1, 2) + half, is_cut=True),
        Part(status=503),
        Part(content=b": alive\nid: 2b\n\n"),
        Part(content=encode_events(3, 4)),
    ) as audit:
        result = await audit.keyfold("activity", "tail", "--count", "4", "--category", "patient")
        assert paths(result.stdout) == ["1", "2", "3", "4"]
        assert [(path, after) for path, _, after in audit.asked] == [
            (STREAM, None),
            (STREAM, "2"),
            (STREAM, "2"),
            (STREAM, "2b"),
        ]
        assert {query["category"] for _, query, _ in audit.asked} == {"patient"}
        assert result.exit_code == 0


@pytest.mark.parametrize(("status", "exit_status"), [(400, 2), (401, 1), (404, 1), (410, 1), (429, 1)])
async def test_tail_ends_where_it_is_refused(status: int, exit_status: int) -> None:
    """A failure that reconnecting cannot cure is printed, and ends the command."""
    async with auditing(Part(content=b"retry: 1\n" + encode_events(1)), Part(status=status)) as audit:
        result = await audit.keyfold("activity", "tail")
        assert result.exit_code == exit_status
        assert result.stderr == f"No ({status} x).\n"
        assert paths(result.stdout) == ["1"]


async def test_tail_that_never_began_says_so() -> None:
    """If there never was a connection, the command fails rather than reconnect."""
    async with auditing(Part(status=503)) as audit:
        result = await audit.keyfold("activity", "tail")
        assert result.exit_code == 1


def test_events_are_read_as_the_standard_has_them() -> None:
    """Comments are skipped, data may have several lines, an id without data moves the place."""
    reader = EventReader()
    lines = [": c", "id: 7", "", "data: {", 'data:"a": 1}', "id: 8", "event: x", ""]
    found = [step for each in lines if (step := reader.take(each)) is not None]
    assert [(step.last_event_id, step.item) for step in found] == [
        ("7", None),
        ("8", {"a": 1}),
    ]


async def test_an_export_is_written_as_it_comes(tmp_path: Path) -> None:
    """An export is written to standard output or to a file, byte for byte."""
    body = b"event_id,at\r\n1,2\r\n"
    out = tmp_path / "log.csv"
    async with auditing(Part(content=body, content_type="text/csv")) as audit:
        piped = await audit.keyfold("activity", "export", "--decision", "deny")
        filed = await audit.keyfold("activity", "export", "--format", "ndjson", "--out", str(out))
        assert piped.stdout_bytes == body
        assert (filed.stdout, out.read_bytes()) == ("", body)
        assert audit.asked[0][:2] == (EXPORT, {"format": "csv", "decision": "deny"})
        assert audit.asked[1][1] == {"format": "ndjson"}
    assert files(tmp_path) == {"log.csv": body}


@pytest.mark.parametrize("asked", ["list", "tail --count 1", "export", "summary"])
async def test_what_names_nobody_is_asked_for_at_its_own_place(asked: str) -> None:
    """`--unattributed` ignores the environment's account, and filters as the others do."""
    name = asked.partition(" ")[0]
    page = Part(content=b'{"items": [], "next_cursor": null}', content_type="application/json")
    part = {"tail": Part(content=encode_events(1)), "export": Part(content=b"event_id\r\n")}.get(name, page)
    async with auditing(part) as audit:
        result = await audit.keyfold("activity", *asked.split(), "--unattributed", "--decision", "deny")
        assert result.exit_code == 0
        ((path, query, _),) = audit.asked
    assert path == f"/v1/unattributed/activity{'' if name == 'list' else '/' + name}".replace(
        "/tail", "/stream"
    )
    assert query["decision"] == "deny"
    assert not {"key_id", "vendor_id"} & set(query)


@pytest.mark.parametrize("name", ["list", "tail", "export", "summary"])
@pytest.mark.parametrize(
    ("named", "said"),
    [
        (("--account", "acc_1"), "leave out --account."),
        (("--key", "key_1"), "leave out --key."),
        (("--vendor", "ven_1"), "leave out --vendor."),
        (("--vendor", "ven_1", "--account", "acc_1"), "leave out --account and --vendor."),
    ],
)
async def test_nobody_has_no_name(name: str, named: Sequence[str], said: str) -> None:
    """`--unattributed` with an option that names somebody is wrong usage, which says what to leave out."""
    async with auditing(Part()) as audit:
        result = await audit.keyfold("activity", name, "--unattributed", *named)
        assert (result.exit_code, audit.asked) == (2, [])
    assert said in result.stderr


def test_names_stand_for_ids() -> None:
    """Who asked is shown by name if there is one, else by id, else by a dash."""
    named = item(1, vendor_name="Recall Reminders", key_name="Front desk")
    assert NameColumns().of(named) == ("Recall Reminders", "Front desk")
    assert NameColumns().of(item(1, vendor_name="Recall Reminders")) == ("Recall Reminders", "key_1")
    assert NameColumns().of(item(1, vendor_id=None, key_id=None)) == ("—", "—")
    assert NameColumns().ids_of(named) == ("ven_1", "key_1")


def test_where_nobody_asked_from_is_shown() -> None:
    """For requests that name nobody, the gateway and the client are shown instead."""
    nobody = item(1, gateway="caddy-2", client_ip="198.51.100.0/24", vendor_id=None, key_id=None)
    asker = Origins().of(nobody)
    assert dict(zip(Origins.columns, asker, strict=True)) == {
        "gateway": "caddy-2",
        "client": "198.51.100.0/24",
    }
    assert "caddy-2             198.51.100.0/24" in lines(nobody, asker, Room(columns=120))[0].plain


async def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """An export that is cut off fails and leaves no file, and an older file as it was."""
    out = tmp_path / "log.csv"
    out.write_bytes(b"before")
    async with auditing(Part(content=b"event_id", is_cut=True, content_type="text/csv")) as audit:
        result = await audit.keyfold("activity", "export", "--out", str(out))
    assert result.exit_code == 1
    assert result.stderr == "The export was cut off: what there is of it is not whole.\n"
    assert files(tmp_path) == {"log.csv": b"before"}


async def test_a_summary_is_json_to_a_program() -> None:
    """A program gets all pages of a summary, with the bounds that are shown."""
    page: dict[str, Any] = {"items": [{"start": "x", "category": None, "decision": "deny", "requests": 2}]}
    parts = [orjson.dumps({**page, "next_cursor": cursor}) for cursor in ("more", None)]
    async with auditing(*(Part(content=each, content_type="application/json") for each in parts)) as audit:
        result = await audit.keyfold("activity", "summary", "--since", "2026-03-01T00:00:00Z")
        assert orjson.loads(result.stdout) == page["items"] * 2
        assert audit.asked[1][1] == {
            "bucket": "day",
            "by": "category,decision",
            "since": "2026-03-01T00:00:00Z",
            "cursor": "more",
        }


@pytest.mark.parametrize("since", ["soon", "2026-03-01T25:00:00", "0001-01-01T00:00:00+14:00"])
async def test_a_time_that_is_none_is_named(since: str) -> None:
    """A time that cannot be read is wrong usage, before anything is asked."""
    async with auditing(Part()) as audit:
        result = await audit.keyfold("activity", "summary", "--since", since)
        assert (result.exit_code, audit.asked) == (2, [])


async def test_a_summary_draws_nothing_that_cannot_be() -> None:
    """An end in the far future takes no more memory than one today."""
    nothing = orjson.dumps({"items": [], "next_cursor": None})
    asked = ["activity", "summary", "--bucket", "hour", "--since", "-1d"]
    async with auditing(Part(content=nothing, content_type="application/json")) as audit:
        tracemalloc.start()
        try:
            results = [await audit.keyfold(*asked, "--until", until) for until in ("2h", "2126-01-01")]
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert [result.exit_code for result in results] == [0, 0]
    assert peak_bytes < 16 * 2**20


def test_a_summary_is_a_row_a_category() -> None:
    """A row has a category's requests, those denied, and a bar a day; categories without any are left out."""
    items: list[dict[str, Any]] = [
        {"start": "2026-03-01T00:00:00.000000Z", "category": "patient", "decision": "allow", "requests": 999},
        {"start": "2026-03-03T00:00:00.000000Z", "category": "patient", "decision": "deny", "requests": 1},
        {"start": "2026-03-02T00:00:00.000000Z", "category": None, "decision": "deny", "requests": 2},
    ]
    starts = [FIRST + n * DAY for n in range(3)]
    assert rows(items, starts) == [
        ("patient", "1,000", "1", Bars([999, 0, 1])),
        ("—", "2", "2", Bars([0, 2, 0])),
    ]


@pytest.mark.parametrize(
    ("numbers", "width", "drawn"),
    [
        ([], 10, ""),
        ([0, 0], 10, "··"),
        ([1, 2, 3, 4, 5, 6, 7, 8], 8, "▁▂▃▄▅▆▇█"),
        ([0, 1, 1000], 10, "·▁█"),
        ([1, 1, 1, 1, 1, 1, 1], 3, "▃██"),
        ([5], 0, "█"),
    ],
)
def test_a_sparkline(numbers: list[int], width: int, drawn: str) -> None:
    """The highest bar is full, zero is a dot, and neighbours share a bar if there is no room."""
    assert sparkline(numbers, width) == drawn


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120, 200])
def test_an_event_fits_the_terminal(columns: int) -> None:
    """However long a path is, an event is one line, or two where that is narrow; times, reasons and ids
    are whole, names give way first, and nothing steers the terminal."""
    event = item(1, path="/v1/" + "x" * 300 + "\x1b[2J", reason="unknown_subscriber_key", decision="deny")
    shown = lines(
        event, ("Recall Reminders of a long name", "key_0123456789ABCDEFGHIJKLMNOPQR"), Room(columns=columns)
    )
    text = "\n".join(line.plain for line in shown)
    assert all(line.cell_len <= columns for line in shown)
    assert len(shown) == (3 if columns < 52 else 2 if columns < 72 or 110 <= columns < 155 else 1)
    assert "12:00:00Z" in text
    assert "unknown_subscriber_key" in text
    assert "GET /v1/xxx" in text
    assert ("Recall" in text) == (columns >= 110)
    assert ("key_0123456789ABCDEFGHIJKLMNOPQR" in text) == (columns >= 110)
    assert "\x1b" not in text
    assert "red" in {str(span.style) for line in shown for span in line.spans}


def test_how_many_requests_an_event_is_of_is_shown() -> None:
    """An event that stands for many requests says how many; one of a single request does not."""
    many = item(1, method="*", path="/**", reason="malformed_key", requests=1204)
    assert request_of(many) == "* /** x1,204"
    (line,) = lines(many, ("—", "—"), Room(columns=80))
    assert line.plain.endswith("* /** x1,204")
    assert request_of(item(7)) == "GET /v1/patient/7"
