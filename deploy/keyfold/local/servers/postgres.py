"""A real PostgreSQL from a Python package; its postmaster is a child of ours."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from keyfold.local.process.child import Child, ChildFailed, ProcessSpec, User
from keyfold.local.process.ports import HOST, free_ports
from keyfold.local.servers.postgres_program import COPIES, programs_for, server_user
from keyfold.local.servers.server import LocalServer

USER = "keyfold"
DATABASE = "keyfold"
READY_TIMEOUT_S = 60.0

# The unprivileged user cannot reach the data by its path if only root may enter a parent directory. So the
# server is started in the data's own directory, which it never leaves, and refers to it by this path.
WHERE_IT_STARTS: Final = Path("/proc/self/cwd")

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # our path may be too long for a socket
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
    "jit": "off",  # compiling costs more than any of our queries
}
# For tests, whose data need not outlive them: commits wait for no disk.
UNSAFE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class LocalPostgres(LocalServer):
    """A PostgreSQL server whose state is one directory."""

    def __init__(
        self, state_dir: Path, log_path: Path, *, port: int | None = None, durable: bool = True
    ) -> None:
        super().__init__("PostgreSQL")
        self._dir = state_dir.resolve()
        self._log_path = log_path
        self._durable = durable
        self._bin: Path | None = None
        self._user: User | None = None
        self._used = ExitStack()
        self.port = port or free_ports(1)[0]

    @property
    def dsn(self) -> str:
        """The address of the stack's own database, with the superuser's login and password."""
        return self.dsn_of(USER, self._password())

    def dsn_of(self, login: str, password: str) -> str:
        """Return the address with another login."""
        # The server has no TLS; a client that tried it would look for certificates in a home directory.
        return f"postgresql://{login}:{password}@{HOST}:{self.port}/{DATABASE}?sslmode=disable"

    @property
    def files_elsewhere(self) -> Path | None:
        """Where a copy of the programs is while the server may run, None if they run as installed."""
        return COPIES if self._bin is not None and self._bin.is_relative_to(COPIES) else None

    def prepare(self) -> None:
        """Find the programs, or copy them to where their user can reach them. Raises CannotRunHere."""
        if self._bin is None:
            self._user = server_user(self._data)
            self._bin = self._used.enter_context(programs_for(self._user))

    def release(self) -> None:
        """Release the programs; a copy is removed with the last server that used it."""
        self._bin = None
        self._used.close()

    async def stop(self) -> None:
        """Stop in order, and release the programs."""
        await super().stop()
        self.release()

    async def kill(self) -> None:
        """End the server at once, and release the programs."""
        await super().kill()
        self.release()

    async def start(self) -> None:
        """Start; initialise on the first start. Return once it answers. Raises CannotRunHere, ChildFailed."""
        self.prepare()
        if not (self._data / "PG_VERSION").exists():
            await self._initialise()
        command = self._command("postgres", [self._program("postgres"), *self._settings()], self.port)
        await self._spawn(command, self.answers, timeout_s=READY_TIMEOUT_S)
        await self._create_database()

    @property
    def _data(self) -> Path:
        return self._dir / "data"

    @property
    def _data_as_seen(self) -> Path:
        """The path by which the server's user can reach the data."""
        return self._data if self._user is None else WHERE_IT_STARTS

    def _program(self, name: str) -> str:
        if self._bin is None:
            raise ChildFailed(f"{self._name} was not started")
        return str(self._bin / name)

    @property
    def _password_path(self) -> Path:
        return self._dir / "password"

    def _password(self) -> str:
        return self._password_path.read_text()

    async def _initialise(self) -> None:
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(self._data, ignore_errors=True)  # an initdb that was interrupted
        self._data.mkdir(mode=0o700)
        if not self._password_path.exists():
            self._password_path.touch(mode=0o600)
            self._password_path.write_text(secrets.token_urlsafe(24))
        if self._user is not None:
            os.chown(self._data, self._user.uid, self._user.gid)
        await self._initdb()

    async def _initdb(self) -> None:
        argv = [self._program("initdb"), f"--pgdata={self._data_as_seen}", f"--username={USER}"]
        argv += ["--auth=scram-sha-256", "--pwfile=/dev/stdin"]
        argv += ["--encoding=UTF8", "--locale=C.UTF-8", *([] if self._durable else ["--no-sync"])]
        with self._open_password() as password:
            initdb = await Child.spawn(replace(self._command("initdb", argv), stdin=password.fileno()))
            if await initdb.wait() != 0:
                raise ChildFailed(initdb.obituary("failed"))

    @contextmanager
    def _open_password(self) -> Iterator[IO[bytes]]:
        """Yield the password as an unnamed file that the server's user may read."""
        with tempfile.TemporaryFile() as file:
            file.write(self._password().encode())
            file.flush()
            if self._user is not None:
                os.fchown(file.fileno(), self._user.uid, self._user.gid)
            yield file

    def _settings(self) -> list[str]:
        chosen = SETTINGS | {"port": str(self.port)} | ({} if self._durable else UNSAFE_SETTINGS)
        options = [option for name, value in chosen.items() for option in ("-c", f"{name}={value}")]
        return ["-D", str(self._data_as_seen), *options]

    def _command(self, name: str, argv: list[str], *ports: int) -> ProcessSpec:
        return ProcessSpec(
            name=name,
            argv=argv,
            log_path=self._log_path,
            cwd=self._data,
            stop_signal=signal.SIGINT,  # "fast": disconnect clients; SIGTERM would wait for them to leave
            user=self._user,
            ports=ports,
        )

    async def answers(self) -> bool:
        """Tell whether it takes connections."""
        return await self._client("pg_isready", "--quiet") == 0

    async def _create_database(self) -> None:
        if await self._client("psql", "--command=select 1") != 0:
            await self._client("createdb", "--maintenance-db=postgres", DATABASE)

    async def _client(self, program: str, *arguments: str) -> int:
        process = await asyncio.create_subprocess_exec(
            self._program(program),
            f"--host={HOST}",
            f"--port={self.port}",
            f"--username={USER}",
            *arguments,
            env={**os.environ, "PGPASSWORD": self._password(), "PGDATABASE": DATABASE},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await process.wait()
