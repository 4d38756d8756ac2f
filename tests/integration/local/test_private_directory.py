"""The local stack in a directory that only its user may enter, and on long paths that are not ASCII."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pwd
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import orjson
import pytest

from keyfold.local.extra import CannotRunHere, package_dir
from keyfold.local.process.child import User
from keyfold.local.servers.postgres_program import PACKAGE, programs_for
from tests.support.local.lone_postgres import status_of
from tests.support.local.started import all_gone, stack

REPOSITORY: Final = Path(__file__).parents[3]
# Kafka parts its directories by commas, a backslash begins an escape in its properties, and a path of more
# than 107 bytes can be no socket's.
PRIVATE: Final = f"Häuser, \\u0041 & 'mehr' {'x' * 90}"
CANARY: Final = "a token that is nobody else's"
ROOT: Final = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root can have another user run a program")
NOBODY: Final = User(uid=pwd.getpwnam("nobody").pw_uid, gid=pwd.getpwnam("nobody").pw_gid)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that everybody may enter, unlike the tests' own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
def out_of_reach(tmp_path: Path) -> Path:
    """A directory for PYTHONPATH in which other users cannot reach PostgreSQL's package."""
    home = tmp_path / "packages"
    home.mkdir(mode=0o700)
    for part in package_dir(PACKAGE).parent.glob(f"{PACKAGE}*"):
        (home / part.name).symlink_to(part)
    return home


async def test_stack(tmp_path: Path, out_of_reach: Path) -> None:
    """A stack runs in a private directory on an odd path, and says what lies elsewhere.

    Its PostgreSQL has no capability, and a missing locale is not in the way. Whatever the umask is, nobody
    else may read what it writes. Who has PostgreSQL's own superuser reaches nothing of the user's: no file,
    and no secret in an environment.
    """
    home = tmp_path / PRIVATE
    home.mkdir(mode=0o700)
    settings = {"PYTHONPATH": str(out_of_reach), "LC_ALL": "C", "KEYFOLD_TOKEN": CANARY}
    async with stack(home, settings=settings, umask=0o000) as running:
        await running.ready()
        record = running.record
        status = status_of(record["pids"]["postgres"])
        modes = {path: mode for path, mode in _modes_below(home) if mode & 0o077}
        if ROOT:
            assert await _stolen(record["postgres"], home) == []
        running.process.send_signal(signal.SIGINT)
        printed = await running.output()
    assert running.process.returncode == 0, printed
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert "0" not in status["Uid"].split()
    assert not ROOT or status["Groups"] == ""
    assert modes == {}
    assert record.get("postgres_files") == ("/var/cache/keyfold" if ROOT else None)
    assert _names_in(tmp_path) == {PRIVATE, "packages"}
    assert "meta.properties" in _names_in(home / "kafka" / "data")
    await all_gone(record["pids"].values())


async def test_ordinary_user(reachable: Path, out_of_reach: Path) -> None:
    """An ordinary user's PostgreSQL runs as that user in a private directory on an odd path, under umask 077.

    So it does where HOME is another user's.
    """
    home = reachable / "home"
    home.mkdir(mode=0o700)
    os.chown(home, *((NOBODY.uid, NOBODY.gid) if ROOT else (-1, -1)))
    with programs_for(NOBODY if ROOT else None, reachable / "copies") as programs:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.local.lone_postgres",
            str(home / PRIVATE / "postgres"),
            *([str(NOBODY.uid)] if ROOT else []),
            env={**os.environ, "HOME": str(out_of_reach), "PYTHONPATH": str(programs.parents[2])},
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()
    uid = NOBODY.uid if ROOT else os.geteuid()
    assert orjson.loads(printed) == [{"uid": uid, "capabilities": 0}] * 2


@as_root
def test_copy(reachable: Path, out_of_reach: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs out of their user's reach are copied once for all servers; the last one removes the copy."""
    monkeypatch.syspath_prepend(out_of_reach)
    copies = reachable / "copies"
    (copies / "left-by-a-crash").mkdir(parents=True)
    with programs_for(NOBODY, copies) as first:
        assert first.is_relative_to(copies)
        copied = (first / "postgres").stat().st_ino
        with programs_for(NOBODY, copies) as second:
            assert (second / "postgres").stat().st_ino == copied
        assert (first / "postgres").exists()
    assert not copies.exists()


@as_root
@pytest.mark.parametrize("trap", ["a link", "another user's", "not a directory"])
def test_trap(reachable: Path, out_of_reach: Path, monkeypatch: pytest.MonkeyPatch, trap: str) -> None:
    """Another user's files at the copy's place are refused in one line, and left alone."""
    monkeypatch.syspath_prepend(out_of_reach)
    copies, target = reachable / "copies", reachable / "target"
    target.mkdir()
    match trap:
        case "a link":
            copies.symlink_to(target)
        case "another user's":
            copies.mkdir()
            os.chown(copies, NOBODY.uid, NOBODY.gid)
        case _:
            copies.touch()
    line = r"\APostgreSQL refuses to run as root, and .*copies.*\Z"
    with pytest.raises(CannotRunHere, match=line), programs_for(NOBODY, copies):
        pass
    assert list(target.iterdir()) == []
    assert not copies.is_dir() or list(copies.iterdir()) == []


async def test_clean(tmp_path: Path) -> None:
    """`make clean` removes copies, even those that a crash left, unless a server runs from them."""
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    copies = tmp_path / "copies"
    copies.mkdir()
    descriptor = os.open(copies, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    assert "stays" in await _clean(tmp_path, copies)
    assert copies.exists()
    os.close(descriptor)
    assert "stays" not in await _clean(tmp_path, copies)
    assert not copies.exists()


async def _clean(directory: Path, copies: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        "make", "clean", f"COPIES={copies}", cwd=directory, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


async def _stolen(superuser: str, home: Path) -> list[str]:
    """Return by which programs and functions that PostgreSQL's superuser may run a secret could be read."""
    stolen, path = [], str(home / "gateway-token").replace("'", "''")
    connection = await asyncpg.connect(superuser)
    await connection.execute("create temporary table output (line text)")
    for attack in (
        f"select pg_read_file('{path}')",
        "select pg_read_file('/etc/shadow')",
        "copy output from program 'cat ../../gateway-token'",
        "copy output from program 'cat /proc/$PPID/cwd/../../gateway-token'",
        "copy output from program 'ls /root /proc/1/root'",
    ):
        try:
            await connection.execute(attack)
            stolen.append(attack)
        except asyncpg.PostgresError:
            continue
    await connection.execute(
        "copy output from program 'env; cat /proc/$PPID/environ | tr \\\\0 .; echo; id -G'"
    )
    lines = [row["line"] for row in await connection.fetch("select line from output")]
    await connection.close()
    assert str(NOBODY.gid) in lines  # the programs have run
    return [*stolen, *(line for line in lines if CANARY in line)]


def _modes_below(directory: Path) -> Iterator[tuple[Path, int]]:
    """Yield each file and directory that a stack made, with its permissions."""
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            yield path, stat.S_IMODE(path.stat().st_mode)


def _names_in(directory: Path) -> set[str]:
    return {part.name for part in directory.iterdir()}
