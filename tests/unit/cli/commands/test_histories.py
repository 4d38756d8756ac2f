"""A history as a person reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from keyfold.cli.commands.histories import chronicle_of
from tests.support.cli.registry_double import serving
from tests.support.cli.screens import render_lines


def item(summary: str, changes: list[tuple[str, Any, Any]], **more: Any) -> dict[str, Any]:
    """Return an item of a history."""
    return {
        "at": "2026-01-31T08:09:10.123456Z",
        "summary": summary,
        "reason": None,
        "key_id": None,
        "actor": {"role": "owner", "subject": "olga"},
        "changes": [{"field": field, "before": before, "after": after} for field, before, after in changes],
        **more,
    }


EDITED = item("Permissions changed", [("permissions.clinical", "none", "write")], key_id="key_1")
CREATED = item(
    "Key created",
    [
        ("state", None, "active"),
        ("name", None, "Desk"),
        ("permissions.clinical", None, "none"),
        ("networks", None, ["192.0.2.0/24", "2001:db8::/32"]),
        ("rate_limit", None, "100 requests in 60 s, 200 at once"),
        ("expires_at", None, "2027-01-31T00:00:00.000000Z"),
    ],
)
SUSPENDED = item(
    "Vendor suspended; every key of it stopped",
    [("state", "approved", "suspended")],
    reason="A finding.",
    actor={"role": "reviewer", "subject": None},
)
ENDED = item(
    "The replaced secret stopped working",
    [("old_secret_works_until", "2026-02-01T00:00:00.000000Z", None), ("integrations_enabled", True, False)],
    actor={"role": "keyfold", "subject": "timekeeper"},
)


def shown(*items: dict[str, Any], names_keys: bool = True) -> list[str]:
    """Return the lines that a person sees on a terminal of 80 columns."""
    return render_lines(chronicle_of(items, names_keys=names_keys))


def test_entries() -> None:
    """A line says who did what and when, and each change is a line below it, in words."""
    assert shown(EDITED, CREATED, SUSPENDED, ENDED) == [
        "2026-01-31 08:09:10Z  owner:olga  Permissions changed",
        "    key: key_1",
        "    permissions.clinical: none → write",
        "2026-01-31 08:09:10Z  owner:olga  Key created",
        "    state: active",
        "    name: Desk",
        "    networks: 192.0.2.0/24, 2001:db8::/32",
        "    rate_limit: 100 requests in 60 s, 200 at once",
        "    expires_at: 2027-01-31 00:00:00Z",
        "2026-01-31 08:09:10Z  reviewer  Vendor suspended; every key of it stopped",
        "    because: A finding.",
        "    state: approved → suspended",
        "2026-01-31 08:09:10Z  keyfold:timekeeper  The replaced secret stopped working",
        "    old_secret_works_until: 2026-02-01 00:00:00Z → —",
        "    integrations_enabled: on → off",
    ]


def test_one_key() -> None:
    """The history of one key does not repeat the key's id."""
    assert shown(EDITED, names_keys=False)[1:] == ["    permissions.clinical: none → write"]


def test_long_and_hostile() -> None:
    """A long text goes on below itself, and cannot steer the terminal."""
    renamed = item("Key renamed", [("name", "\x1b[2J[red]", "word " * 20)])

    assert shown(renamed)[1:] == [
        "    name: \\u001b[2J[red] → word word word word word word word word word word",
        "    word word word word word word word word word word",
    ]


def test_nothing() -> None:
    """An empty history says so in words."""
    assert shown() == ["Nothing has happened."]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("key history key_1", "/v1/accounts/acc_1/keys/key_1/history"),
        ("account history acc_2", "/v1/accounts/acc_2/history"),
        ("vendor history ven_1", "/v1/vendors/ven_1/history"),
    ],
)
async def test_program(line: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program gets the history as the registry answers it."""
    monkeypatch.chdir(tmp_path)
    async with serving({"items": [EDITED, CREATED], "next_cursor": None}) as registry:
        ended = await registry.keyfold(*line.split())

    assert orjson.loads(ended.stdout) == [EDITED, CREATED]
    assert [(asked.method, asked.path) for asked in registry.asked] == [("GET", path)]
