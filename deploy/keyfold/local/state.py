"""The directory with all state of a local stack, which one stack at a time may use."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from keyfold.client.endpoints import STACK_FILE_NAME, STATE_SECRET_NAME
from keyfold.local.extra import CannotRunHere

GATEWAY_NAME = "local"


class DirectoryInUse(CannotRunHere):
    """Another stack runs in this directory. Stop it first, or name another directory with --dir."""


class StateDir:
    """The files of one stack. Only the user can read those with a secret."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.journal = self.path / "journal"
        self.children = self.path / "children.json"
        self.gateways = self.path / "gateways.json"
        self._stack = self.path / STACK_FILE_NAME

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Lock the directory against every other stack. Raises CannotRunHere."""
        try:
            os.fsencode(self.path).decode()
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
            lock = (self.path / "lock").open("a+")
        except UnicodeDecodeError:
            raise CannotRunHere(f"the path {str(self.path)!a} is not UTF-8") from None
        except OSError as error:
            raise CannotRunHere(f"a stack cannot have its data in {self.path}: {error.strerror}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go, even after kill -9
            except BlockingIOError:
                raise DirectoryInUse(
                    f"another stack runs in {self.path}: stop it first, or name another directory with --dir"
                ) from None
            for directory in (self.logs, self.journal):
                directory.mkdir(exist_ok=True)
            yield

    def gateway_token(self) -> str:
        """Return the gateway's token, made on the first start; the gatekeeper gets only its hash."""
        path = self.path / "gateway-token"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32).encode())
        token = path.read_text()
        digest = hashlib.sha256(token.encode()).hexdigest()
        entry = {"name": GATEWAY_NAME, "kind": "forwarded", "token_sha256": digest}
        self.gateways.write_bytes(orjson.dumps([entry]))
        return token

    def idempotency_secret(self) -> str:
        """Return the secret that encrypts the registry's idempotency records, made on the first start."""
        path = self.path / "idempotency-secret"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32).encode())
        return path.read_text()

    def state_secret(self) -> Path:
        """Return the file with the secret that seals the read model, made on the first start."""
        path = self.path / STATE_SECRET_NAME
        if not path.exists():
            write_private(path, secrets.token_hex(32).encode())
        return path

    def audit_secret(self) -> Path:
        """Return the file with the secret that the log's rows are added up with, made on the first start."""
        path = self.path / "audit-secret"
        if not path.exists():
            write_private(path, secrets.token_hex(32).encode())
        return path

    def session_secret(self) -> str:
        """Return the secret that encrypts the console's sessions, made on the first start."""
        path = self.path / "session-secret"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32).encode())
        return path.read_text()

    def publish(self, stack: Mapping[str, object]) -> None:
        """Write `stack.json` in one step: it is the sign that all is ready."""
        write_private(self._stack, orjson.dumps(stack, option=orjson.OPT_INDENT_2))

    def withdraw(self) -> None:
        """Remove `stack.json`, if it is there."""
        self._stack.unlink(missing_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read at any moment, and that is never seen half written."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # else a power cut may leave an empty file under the new name
    draft.replace(path)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file of ours, None if it is missing or damaged."""
    try:
        return orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
