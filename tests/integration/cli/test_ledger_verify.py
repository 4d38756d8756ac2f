"""`keyfold ledger verify` as an operator runs it: what it prints, and the status that it exits with."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.seals import write_trusted
from tests.support.store.tampering import dba_of, make_vouched
from tests.support.wire.signed_heads import KEY, OTHER_KEY

LEDGER = make_vouched()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """The result of a command."""

    status: int | None
    out: str
    error: str

    @property
    def found(self) -> Any:
        """The JSON that it printed."""
        return orjson.loads(self.out)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A directory with the checkpoints file and public keys as an operator keeps them elsewhere."""
    (tmp_path / "checkpoints.ndjson").write_bytes(LEDGER.file)
    for name, key in (("key.pem", KEY), ("other.pem", OTHER_KEY)):
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (tmp_path / name).write_bytes(pem)
    return tmp_path


async def verify(directory: Path, dsn: str | None, *arguments: str) -> Ran:
    """Run the command in a directory."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KEYFOLD_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "keyfold.cli", "ledger", "verify", *arguments),
        cwd=directory,
        env={**environment, **({} if dsn is None else {"KEYFOLD_POSTGRES_DSN": dsn})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    return Ran(status=process.returncode, out=out.decode(), error=error.decode())


async def test_whole(database: str, shipped: Path) -> None:
    """For a whole ledger, the command says so, and how far it is vouched for; the status is 0."""
    async with dba_of(database, LEDGER.builder.rows):
        ran = await verify(
            *(shipped, database, "--checkpoints", "checkpoints.ndjson", "--public-key", "key.pem"),
            *("--seal-keys", str(write_trusted(shipped)), "--json"),
        )
    parts = urlsplit(database)
    where = f"{parts.path[1:]} at {parts.hostname}:{parts.port} (KEYFOLD_POSTGRES_DSN)"
    assert (ran.status, ran.error) == (0, f"ledger of {where}\n")
    assert ran.found.pop("took_s") > 0
    assert ran.found | {"took_s": 0} == {
        "ledger": where,
        "whole": True,
        "first_broken_position": None,
        "findings": [],
        "events": 12,
        "head_hash": LEDGER.builder.head.hash.hex(),
        "signatures_checked": True,
        "recorded_checkpoints": 2,
        "filed_checkpoints": 2,
        "vouched_position": 9,
        "seals_checked": True,
        "sealed_position": 12,
        "took_s": 0,
    }


async def test_broken(database: str, shipped: Path) -> None:
    """For a broken ledger it exits with 1, and names the first broken position, what is wrong, what whole."""
    async with dba_of(database, LEDGER.builder.rows) as dba:
        await dba.run("delete from ledger.events where position in (7, 8)")
    ran = await verify(shipped, database, "--public-key", "key.pem", "--public-key", "other.pem")
    assert (ran.status, ran.found["whole"], ran.found["first_broken_position"]) == (1, False, 7)
    assert ran.found["findings"] == [
        {"kind": "missing", "position": 7, "detail": "positions 7 to 8 are missing"}
    ]
    assert (ran.found["events"], ran.found["vouched_position"]) == (6, 4)


async def test_signatures_not_checked(database: str, shipped: Path) -> None:
    """Without a public key it checks the hashes, and says that it did not check the signatures."""
    async with dba_of(database, LEDGER.builder.rows):
        ran = await verify(shipped, database)
    assert (ran.status, ran.found["whole"], ran.found["signatures_checked"]) == (0, True, False)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--checkpoints", "checkpoints.ndjson"), 2, "Name the public key with --public-key"),
        (("--public-key", "checkpoints.ndjson"), 2, "it must hold an Ed25519 public key as PEM"),
        (("--public-key", "nowhere.pem"), 2, "does not exist"),
    ],
)
async def test_wrong_usage(shipped: Path, arguments: tuple[str, ...], status: int, said: str) -> None:
    """What can never work is refused before any database is asked."""
    ran = await verify(shipped, "postgresql://nobody@127.0.0.1:1/none", *arguments)
    assert (ran.status, ran.out) == (status, "")
    assert said in ran.error


async def test_no_database(shipped: Path) -> None:
    """If the ledger is not named or cannot be read, there is one sentence, status 1, and no verdict."""
    for dsn, said in (
        (None, "KEYFOLD_POSTGRES_DSN"),
        ("postgresql://nobody@127.0.0.1:1/none", "could not be read"),
    ):
        ran = await verify(shipped, dsn)
        assert (ran.status, ran.out) == (1, "")
        assert said in ran.error
