"""Times and lengths as people type them, and every option that takes one."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyfold.cli.times import days, instant
from keyfold.client.failure import WrongUsage
from tests.support.cli.audit_double import Part, auditing
from tests.support.cli.given import KEY
from tests.support.cli.registry_double import serving

NOW = datetime(2026, 11, 30, 8, 9, 10, 123456, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run away from any local stack."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-30", MIDNIGHT),
        ("2026-11-30T08:00", MIDNIGHT + timedelta(hours=8)),
        ("2026-11-30 08:00:00", MIDNIGHT + timedelta(hours=8)),
        ("2026-11-30 08:00:00Z", MIDNIGHT + timedelta(hours=8)),
        ("2026-11-30t08:00:00z", MIDNIGHT + timedelta(hours=8)),
        ("2026-11-30T08:00:00+08:00", MIDNIGHT),
        (" 2026-11-30 ", MIDNIGHT),
        ("now", NOW),
        ("today", MIDNIGHT),
        ("Yesterday", MIDNIGHT - timedelta(days=1)),
        ("tomorrow", MIDNIGHT + timedelta(days=1)),
        ("-1d", NOW - timedelta(days=1)),
        ("+1d", NOW + timedelta(days=1)),
        ("90m", NOW - timedelta(minutes=90)),
        ("30s", NOW - timedelta(seconds=30)),
    ],
)
def test_a_time(text: str, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time is a date, a word, a length ago, or RFC 3339; without a zone it is UTC, wherever it is typed."""
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        found = instant(text, "--since", NOW)
    time.tzset()
    assert found == at


@pytest.mark.parametrize(("text", "ahead"), [("2h", 2), ("+2h", 2), ("-2h", -2)])
def test_a_time_ahead(text: str, ahead: int) -> None:
    """For a time in the future, a length counts from now."""
    assert instant(text, "--expires", NOW, is_ahead=True) == NOW + timedelta(hours=ahead)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "soon",
            "1",
            "-1",
            "2w",
            "1d12h",
            "1.5h",
            "٣d",
            "-",
            "2026-11-31",
            "2026-11-30T25:00",
            "30.11.2026",
        ),
        *(
            "999999999d",
            "+999999999d",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "0001-01-01",
        ),
    ],
)
def test_no_time(text: str) -> None:
    """Text that is no time, or not in the calendar, is refused with the option's name."""
    with pytest.raises(WrongUsage, match="--since"):
        instant(text, "--since", NOW)


@pytest.mark.parametrize(("text", "number"), [("7d", 7), ("7", 7), ("24h", 1), ("90d", 90)])
def test_days(text: str, number: int) -> None:
    """Days are a number, or a length that is whole days."""
    assert days(text, "--days", 90) == number


@pytest.mark.parametrize("text", ["0", "91", "91d", "12h", "-1", "many", ""])
def test_no_days(text: str) -> None:
    """Text that is not such a number of days is refused."""
    with pytest.raises(WrongUsage, match="--days"):
        days(text, "--days", 90)


@pytest.mark.parametrize("command", ["", "list", "export", "summary"])
@pytest.mark.parametrize("text", ["-1d", "yesterday", "2h"])
async def test_since(command: str, text: str) -> None:
    """Every command of the log accepts such times, even one that looks like an option, and sends RFC 3339."""
    page = Part(content=b'{"items": [], "next_cursor": null}', content_type="application/json")
    async with auditing(page) as audit:
        line = ("activity", *command.split(), "--since", text, "--until", "now")
        assert (await audit.keyfold(*line)).exit_code == 0
        sent = audit.asked[0][1]
    assert datetime.fromisoformat(sent["since"]) < datetime.fromisoformat(sent["until"])


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("activity list --since x", "--since x"),
        ("activity export --until x", "--until x"),
        ("activity summary --until 0001-01-02", "--until"),
        ("audit completeness --since x", "--since x"),
        ("key create Desk --expires x", "--expires x"),
        ("key edit key_1 --expires x", "--expires x"),
        ("key edit key_1 --rate-limit 1/x", "--rate-limit 1/x"),
        ("key can key_1 --vendor ven_1 --at x", "--at x"),
        ("key rotate key_1 --overlap x", "--overlap x"),
        ("key rotate key_1 --overlap 1d --wait 1h", "--wait 1h"),
        ("key unused key_1 --days x", "--days x"),
        ("vendor key rotate key_1 --vendor ven_1 --overlap x", "--overlap x"),
        ("state --at x", "--at x"),
    ],
)
async def test_no_time_of_an_option(line: str, option: str) -> None:
    """Every option with a time or a length says in one line, with status 2, what is wrong with it."""
    async with serving(KEY) as registry:
        ended = await registry.keyfold(*line.split())

    assert (ended.exit_code, ended.stdout, registry.asked) == (2, "", [])
    assert ended.stderr.startswith(option)
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("key rotate key_1 --overlap 7d", "overlap_s", 604_800),
        ("key edit key_1 --expires 2027-01-31", "expires_at", "2027-01-31T00:00:00Z"),
        (
            "key edit key_1 --rate-limit 100/1m:200",
            "rate_limit",
            {"requests": 100, "per_s": 60, "burst": 200},
        ),
    ],
)
async def test_sent(line: str, field: str, value: object) -> None:
    """What is typed is sent as the registry accepts it."""
    async with serving({"key": KEY, "secret": "kfs_live_new", **KEY}) as registry:
        assert (await registry.keyfold(*line.split(), "--wait", "10s")).exit_code == 0

    (asked,) = registry.asked
    assert (asked.body[field], asked.prefer) == (value, "wait=10")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("key rotate key_1 --overlap 9d", "--overlap 9d: it must be from 0s to 7d."),
        (
            "vendor key rotate key_1 --vendor ven_1 --overlap 604801",
            "--overlap 604801: it must be from 0s to 7d.",
        ),
        ("account invite acc_1 --expires-in 31d", "--expires-in 31d: it must be from 1m to 30d."),
        ("account invite acc_1 --expires-in 59s", "--expires-in 59s: it must be from 1m to 30d."),
        ("key create Desk --rate-limit 100/2d", "--rate-limit 2d: it must be from 1s to 1d."),
        ("key unused key_1 --days 91", "--days 91: it must be from 1 to 90 days, such as 7d."),
    ],
)
async def test_bounds(line: str, said: str) -> None:
    """What is too short or too long is refused in the units that people type, and nothing is sent."""
    async with serving({}) as registry:
        ended = await registry.keyfold(*line.split())
    assert (ended.exit_code, ended.stderr.strip().splitlines()[-1], registry.asked) == (2, said, [])
