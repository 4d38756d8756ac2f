"""`keyfold key`: what is sent for what was typed, and what is shown of the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from keyfold.cli.commands.keys.view import details_of
from keyfold.cli.screen import Tone, Toned
from keyfold.cli.times import seconds
from keyfold.client.failure import WrongUsage
from tests.support.cli.given import KEY
from tests.support.cli.registry_double import serving

LIMIT = {"requests": 100, "per_s": 60, "burst": 200}
WARNING = {"pointer": "/permissions/clinical", "detail": "Integrations can change clinical data."}


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run away from any local stack."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ("--network 192.0.2.0/24 --network 2001:db8::/32", {"networks": ["192.0.2.0/24", "2001:db8::/32"]}),
        ("--any-network", {"networks": None}),
        ("--vendor ven_1 --any-network", {"vendor_ids": ["ven_1"], "networks": None}),
        ("--rate-limit 100/60", {"rate_limit": {"requests": 100, "per_s": 60, "burst": 100}}),
        ("--rate-limit 100/60:200", {"rate_limit": LIMIT}),
        ("--no-rate-limit --name Front", {"rate_limit": None, "name": "Front"}),
        ("--expires 2027-01-31T00:00:00Z", {"expires_at": "2027-01-31T00:00:00Z"}),
        ("--never-expires --any-vendor", {"expires_at": None, "vendor_ids": None}),
        ("--permission clinical=read --name Front", {"permissions": {"clinical": "read"}, "name": "Front"}),
    ],
)
async def test_edit(options: str, body: dict[str, Any]) -> None:
    """An edit sends what is named and nothing else; a restriction that is lifted is sent as null."""
    async with serving(KEY) as registry:
        assert (await registry.keyfold("key", "edit", "key_1", *options.split())).exit_code == 0

    (asked,) = registry.asked
    assert (asked.method, asked.path) == ("PATCH", "/v1/accounts/acc_1/keys/key_1")
    assert asked.body == body


@pytest.mark.parametrize(
    "options",
    [
        "--network 192.0.2.0/24 --any-network",
        "--vendor v --any-vendor",
        "--rate-limit 1/1 --no-rate-limit",
        "--expires 1d --never-expires",
    ],
)
async def test_contradiction(options: str) -> None:
    """A restriction cannot be set and lifted in one edit."""
    async with serving(KEY) as registry:
        ended = await registry.keyfold("key", "edit", "key_1", *options.split())

    assert (ended.exit_code, registry.asked) == (2, [])
    assert "excludes" in ended.stderr


async def test_create() -> None:
    """A new key is sent with its restrictions, and shown with its secret and the warnings."""
    answer = {"key": KEY, "secret": "kfs_live_secret", "warnings": [WARNING]}
    line = "key create Desk --permission clinical=write --network 192.0.2.0/24 --vendor ven_1"
    async with serving(answer, status=201) as registry:
        ended = await registry.keyfold(*line.split(), "--rate-limit", "100/60:200")

    assert orjson.loads(ended.stdout) == answer
    assert ended.stderr == f"{registry.target}Warning: Integrations can change clinical data.\n"
    assert registry.asked[0].body == {
        "name": "Desk",
        "permissions": {"clinical": "write"},
        "networks": ["192.0.2.0/24"],
        "vendor_ids": ["ven_1"],
        "rate_limit": LIMIT,
    }


@pytest.mark.parametrize("option", ["", "100", "100/0", "0/60", "100/60:0", "100/86401", "1000001/1", "a/b"])
async def test_no_rate_limit(option: str) -> None:
    """Text that is not a rate limit is refused before anything is sent, with what is right."""
    async with serving(KEY) as registry:
        made = await registry.keyfold("key", "create", "Desk", "--rate-limit", option)
        edited = await registry.keyfold("key", "edit", "key_1", "--rate-limit", option)

    assert (made.exit_code, edited.exit_code, registry.asked) == (2, 2, [])
    assert "rate limit" in made.stderr.replace("-", " ") == edited.stderr.replace("-", " ")


@pytest.mark.parametrize(
    ("limit", "words"), [(None, "the platform's default"), (LIMIT, "100 requests in 60 s, 200 at once")]
)
def test_how_often(limit: dict[str, int] | None, words: str) -> None:
    """A person reads how often a key may be used."""
    assert details_of({**KEY, "rate_limit": limit}).lines["rate limit"] == words


@pytest.mark.parametrize(
    ("overlap", "length_s"),
    [("7d", 604_800), ("12h", 43_200), ("30m", 1800), ("0s", 0), ("3600", 3600), ("0", 0)],
)
def test_overlap(overlap: str, length_s: int) -> None:
    """An overlap is a number of seconds, or of another unit that follows it."""
    assert seconds(overlap, "--overlap") == length_s


@pytest.mark.parametrize("overlap", ["", "d", "7w", "-1s", "1.5h", "7 d", "٣d", "1d12h", "9" * 20])
def test_no_overlap(overlap: str) -> None:
    """Text that is not such a number is refused, never guessed."""
    with pytest.raises(WrongUsage, match="such as 7d"):
        seconds(overlap, "--overlap")


async def test_rotate() -> None:
    """A rotation sends its overlap in seconds; without one it is refused, as no default would be right."""
    async with serving({"key": KEY, "secret": "kfs_live_new"}) as registry:
        assert (await registry.keyfold("key", "rotate", "key_1")).exit_code == 2
        rotated = await registry.keyfold("key", "rotate", "key_1", "--overlap", "7d")

    (asked,) = registry.asked
    assert (asked.method, asked.path) == ("POST", "/v1/accounts/acc_1/keys/key_1/rotate")
    assert asked.body == {"overlap_s": 604_800}
    assert orjson.loads(rotated.stdout)["secret"] == "kfs_live_new"


REVOKED = {"key_id": "key_1", "result": "revoked", "name": "Desk", "revoked_at": KEY["created_at"]}
UNKNOWN = {"key_id": "key_2", "result": "not_found", "name": None, "revoked_at": None}


@pytest.mark.parametrize(
    ("line", "body"),
    [("key_1 key_2", {"key_ids": ["key_1", "key_2"]}), ("--all", {"all": True})],
)
async def test_revoke_many(line: str, body: dict[str, Any]) -> None:
    """Several keys are revoked in one request."""
    async with serving({"items": [REVOKED]}) as registry:
        ended = await registry.keyfold("key", "revoke", *line.split())

    (asked,) = registry.asked
    assert (asked.method, asked.path) == ("POST", "/v1/accounts/acc_1/keys/revoke")
    assert asked.body == body
    assert (ended.exit_code, orjson.loads(ended.stdout)) == (0, {"items": [REVOKED]})


@pytest.mark.parametrize(("enforced", "status"), [(None, 1), (True, 1), (False, 1)])
async def test_revoke_unknown(enforced: bool | None, status: int) -> None:
    """If any of the keys does not exist the status is 1, whatever became of the others."""
    answer: dict[str, Any] = {"items": [REVOKED, UNKNOWN]}
    if enforced is not None:
        answer["enforced"] = enforced
    async with serving(answer) as registry:
        ended = await registry.keyfold("key", "revoke", "key_1", "key_2", "--wait", "1")

    assert (ended.exit_code, orjson.loads(ended.stdout)) == (status, answer)
    assert ("not confirmed" in ended.stderr) is (enforced is False)


@pytest.mark.parametrize("line", ["", "key_1 --all"])
async def test_revoke_what(line: str) -> None:
    """Revoking nothing, or both some and all, is wrong usage."""
    async with serving({"items": []}) as registry:
        ended = await registry.keyfold("key", "revoke", *line.split())

    assert (ended.exit_code, registry.asked) == (2, [])


def test_a_revoked_key_allows_nothing() -> None:
    """A revoked key is shown with when that was, and without terms, which might make it seem open."""
    revoked = {**KEY, "state": "revoked", "networks": None, "revoked_at": "2026-02-01T00:00:00.000000Z"}
    lines = details_of(revoked).lines
    assert list(lines) == ["key", "name", "state", "hint", "created", "revoked", "last used"]
    assert (lines["state"], lines["revoked"]) == (Toned("revoked", Tone.BAD), "2026-02-01 00:00:00Z")


def test_a_last_use_is_a_minute() -> None:
    """The last use is known to the minute, and is shown so."""
    used = {**KEY, "last_used_at": "2026-01-31T00:31:00.000000Z"}
    assert details_of(used).lines["last used"] == "2026-01-31 00:31Z"
