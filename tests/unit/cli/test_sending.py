"""Sending a command to the registry: it is done once, whatever the connection, and waited for as asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from keyfold.client import http
from tests.support.cli.given import KEY
from tests.support.cli.registry_double import LOST, serving

REVOKE = ("key", "revoke", "key_1")
ROTATE = ("key", "rotate", "key_1", "--overlap", "7d")
ROTATED = {"key": KEY, "secret": "kfs_live_new"}


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run away from any local stack, with short pauses."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(http, "PAUSES_S", (0.0, 0.0))


async def test_sent_again() -> None:
    """A command whose connection is lost is sent again with the same Idempotency-Key, and so done once."""
    async with serving(LOST, LOST, ROTATED) as registry:
        ended = await registry.keyfold(*ROTATE)

    assert (ended.exit_code, ended.stderr) == (0, registry.target)
    assert orjson.loads(ended.stdout) == ROTATED
    first, *others = registry.asked
    assert first.idempotency_key is not None
    assert others == [first, first]


async def test_given_up() -> None:
    """After two more attempts it is given up, and its key is printed, as nobody knows whether it was done."""
    async with serving(LOST) as registry:
        ended = await registry.keyfold(*ROTATE)

    (key,) = {asked.idempotency_key for asked in registry.asked}
    assert (ended.exit_code, ended.stdout, len(registry.asked)) == (1, "", 3)
    assert "cannot be reached" in ended.stderr
    assert f"--idempotency-key {key}" in ended.stderr


async def test_reads() -> None:
    """A command that only reads has no key, and its failure leaves no doubt."""
    async with serving(LOST) as registry:
        ended = await registry.keyfold("key", "show", "key_1")

    assert ended.exit_code == 1
    assert {asked.idempotency_key for asked in registry.asked} == {None}
    assert "idempotency" not in ended.stderr


async def test_refused_once() -> None:
    """A refusal is an answer: the command is not sent again."""
    problem = {"type": "urn:keyfold:problem:key-revoked", "detail": "the key is revoked"}
    async with serving(problem, status=409) as registry:
        ended = await registry.keyfold("key", "edit", "key_1", "--name", "Desk")

    assert (ended.exit_code, len(registry.asked)) == (1, 1)
    assert ended.stderr == registry.target + "The key is revoked (409 key-revoked).\n"


async def test_each_command_has_its_own_key() -> None:
    """Two commands are never taken for the same, unless the user gives them the same key."""
    async with serving(KEY) as registry:
        await registry.keyfold(*REVOKE)
        await registry.keyfold(*REVOKE)
        await registry.keyfold(*REVOKE, "--idempotency-key", "mine")
        await registry.keyfold(*REVOKE, "--idempotency-key", "mine")

    first, second, third, fourth = (asked.idempotency_key for asked in registry.asked)
    assert first != second
    assert third == fourth == "mine"


@pytest.mark.parametrize("key", ["", "with space", "mañana", "x" * 256, "line\nline"])
async def test_impossible_key(key: str) -> None:
    """A key that no header can hold is wrong usage, and nothing is sent."""
    async with serving(KEY) as registry:
        ended = await registry.keyfold(*REVOKE, "--idempotency-key", key)

    assert (ended.exit_code, registry.asked) == (2, [])
    assert "--idempotency-key" in ended.stderr


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ({**KEY, "enforced": True}, 0, ""),
        (
            {**KEY, "enforced": False},
            3,
            "Warning: It is done, and not confirmed within 5 s to be in force: "
            "some gatekeeper may go by what was before for a while.\n",
        ),
    ],
)
async def test_wait(answer: dict[str, Any], status: int, said: str) -> None:
    """`--wait` lets the registry wait; if it is not confirmed, there is a warning and a status of its own."""
    async with serving(answer) as registry:
        ended = await registry.keyfold(*REVOKE, "--wait", "5")

    assert (ended.exit_code, ended.stderr) == (status, registry.target + said)
    assert orjson.loads(ended.stdout) == answer
    assert registry.asked[0].prefer == "wait=5"


async def test_no_wait() -> None:
    """Without `--wait`, nothing is waited for, and nothing said about it."""
    async with serving(KEY) as registry:
        ended = await registry.keyfold(*REVOKE)

    assert (ended.exit_code, ended.stderr) == (0, registry.target)
    assert registry.asked[0].prefer is None


@pytest.mark.parametrize("seconds", ["-1", "31", "soon"])
async def test_impossible_wait(seconds: str) -> None:
    """A wait that the registry would cut short, or not understand, is wrong usage."""
    async with serving(KEY) as registry:
        ended = await registry.keyfold(*REVOKE, "--wait", seconds)

    assert (ended.exit_code, registry.asked) == (2, [])
