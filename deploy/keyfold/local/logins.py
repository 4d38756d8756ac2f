"""A PostgreSQL login for each service, so that each may do only what it needs, as in production."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import orjson

from keyfold.local.servers.postgres import LocalPostgres
from keyfold.local.service_specs import ServiceSpec
from keyfold.local.state import write_private
from keyfold.store.postgres.roles import ensure_login

FILE_NAME: Final = "postgres-logins.json"


class DatabaseLogins:
    """The services' passwords, made on the first start, and kept so that only the user can read them."""

    def __init__(self, state_dir: Path, services: Iterable[ServiceSpec]) -> None:
        self._path = state_dir / FILE_NAME
        self._services = tuple(spec.name for spec in services if spec.logs_in)

    async def prepare(self, postgres: LocalPostgres) -> None:
        """Make the logins of a server whose database is migrated. Raises DatabaseAway."""
        for service, password in self._passwords().items():
            await ensure_login(postgres.dsn, login=_login(service), password=password, service=service)

    def dsns(self, postgres: LocalPostgres) -> Mapping[str, str]:
        """Return the database's address with each service's own login."""
        passwords = self._passwords()
        return {service: postgres.dsn_of(_login(service), passwords[service]) for service in self._services}

    def _passwords(self) -> Mapping[str, str]:
        kept: dict[str, str] = orjson.loads(self._path.read_bytes()) if self._path.exists() else {}
        missing = [service for service in self._services if service not in kept]
        if missing:
            kept |= {service: secrets.token_urlsafe(24) for service in missing}
            write_private(self._path, orjson.dumps(kept))
        return kept


def _login(service: str) -> str:
    return f"local_{service}"
