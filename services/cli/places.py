"""Where the services are: a local stack's own record of itself, or addresses from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from services.cli.failure import CommandFailed

STATE_DIR_NAME: Final = ".keyfold"
STACK_FILE_NAME: Final = "stack.json"
HTTP_SERVICES: Final = ("registry", "relay", "projection", "gatekeeper", "shipper", "audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Addresses by service name. ``state_dir`` is the local stack's, None for one that is not local.

    ``postgres_dsn`` is the database's address for its owner on a local stack, elsewhere for whomever the
    environment names; ``service_dsns`` are the addresses for each service's own login, where they are known.
    """

    urls: Mapping[str, str]
    state_dir: Path | None = None
    postgres_dsn: str | None = None
    service_dsns: Mapping[str, str] = field(default_factory=dict)
    kafka_bootstrap: str | None = None

    def url(self, service: str) -> str:
        """Return a service's address. Raises CommandFailed where none is known."""
        if service not in self.urls:
            raise CommandFailed(
                f"There is no address of the {service} service: start a local stack with `keyfold up`, "
                f"name its directory with --dir, or set {variable(service)}."
            )
        return self.urls[service]

    def postgres_of(self, service: str) -> str | None:
        """Return the database's address for what is done in a service's stead, None where none is known."""
        return self.service_dsns.get(service, self.postgres_dsn)


def variable(service: str) -> str:
    """Name the environment variable that holds a service's address."""
    return f"KEYFOLD_{service.upper()}_URL"


def find_places(directory: Path | None, environment: Mapping[str, str] = os.environ) -> Places:
    """Return where the services are.

    A directory that is named, by argument or by KEYFOLD_DIR, must hold a running stack; else it is the stack
    of this directory or of its nearest parent that has one; and where none runs, what the environment says.
    """
    named = directory or (Path(environment["KEYFOLD_DIR"]) if environment.get("KEYFOLD_DIR") else None)
    if named is not None:
        return _stack_of(named)
    here = Path.cwd()
    for each in (here, *here.parents):
        if (each / STATE_DIR_NAME / STACK_FILE_NAME).exists():
            return _stack_in(each / STATE_DIR_NAME)
    return Places(
        urls=_urls_of(environment),
        postgres_dsn=environment.get("KEYFOLD_POSTGRES_DSN"),
        kafka_bootstrap=environment.get("KEYFOLD_KAFKA_BOOTSTRAP"),
    )


def state_dir_of(directory: Path) -> Path:
    """Return the state directory that a path means: itself, or the one within."""
    return directory if directory.name == STATE_DIR_NAME else directory / STATE_DIR_NAME


def _urls_of(environment: Mapping[str, str]) -> dict[str, str]:
    found = {service: environment.get(variable(service), "") for service in HTTP_SERVICES}
    return {service: url.rstrip("/") for service, url in found.items() if url}


def _stack_of(directory: Path) -> Places:
    for state_dir in (directory, state_dir_of(directory)):
        if (state_dir / STACK_FILE_NAME).exists():
            return _stack_in(state_dir)
    raise CommandFailed(f"No local stack runs in {directory}: start one there with `keyfold up`.")


def _stack_in(state_dir: Path) -> Places:
    path = state_dir / STACK_FILE_NAME
    try:
        stack = orjson.loads(path.read_bytes())
        urls = {service: str(stack[service]) for service in (*HTTP_SERVICES, "gateway")}
        return Places(
            urls=urls,
            state_dir=state_dir,
            postgres_dsn=str(stack["postgres"]),
            service_dsns=dict(stack["postgres_of"]),
            kafka_bootstrap=str(stack["kafka"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise CommandFailed(f"{path} cannot be read; is the stack just stopping? ({fault!r})") from fault
