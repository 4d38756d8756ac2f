"""Where the services are: as the environment says, else as a local stack's own record of itself says.

What is said explicitly wins, value by value: `--dir` over environment variables, those over a local stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson

from keyfold.client.failure import CommandFailed
from keyfold.client.settings import CommandSettings, variable
from keyfold.runtime.settings.addresses import database_at

STATE_DIR_NAME: Final = ".keyfold"
STACK_FILE_NAME: Final = "stack.json"
_URL: Final = "_url"
HTTP_SERVICES: Final = tuple(
    name.removesuffix(_URL) for name in CommandSettings.model_fields if name.endswith(_URL)
)
"""The services that commands speak to: each has a setting for its address."""
POSTGRES: Final = "postgres_dsn"
KAFKA: Final = "kafka_bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Addresses by service name. ``state_dir`` is the local stack's, None where there is none.

    ``postgres_dsn`` is the database's address for its owner on a local stack, elsewhere for whomever the
    environment names; ``service_dsns`` are the addresses for each service's own login, where they are known.
    ``named`` are the settings that the environment said: everything else is the local stack's.
    """

    urls: Mapping[str, str]
    state_dir: Path | None = None
    postgres_dsn: str | None = field(default=None, repr=False)
    service_dsns: Mapping[str, str] = field(default_factory=dict, repr=False)
    kafka_bootstrap: str | None = None
    named: frozenset[str] = frozenset()

    def url(self, service: str) -> str:
        """Return a service's address. Raises CommandFailed where none is known."""
        if service not in self.urls:
            raise CommandFailed(
                f"There is no address of the {service} service: start a local stack with `keyfold up`, "
                f"name its directory with --dir, or set {variable(url_of(service))}."
            )
        return self.urls[service]

    def postgres_of(self, service: str) -> str | None:
        """Return the database's address for what is done in a service's stead, None where none is known."""
        return self.service_dsns.get(service, self.postgres_dsn)

    def is_local(self, setting: str) -> bool:
        """Tell whether an address is the local stack's own, rather than one that was named."""
        return self.state_dir is not None and setting not in self.named

    @property
    def is_mixed(self) -> bool:
        """Whether some addresses were named, and others are a local stack's."""
        return self.state_dir is not None and bool(self.named)

    def mixture(self) -> str:
        """Say which addresses were named, where all others are a local stack's."""
        named = ", ".join(sorted(map(variable, self.named)))
        return f"{named} as the environment says; everything else is the local stack in {self.state_dir}"

    def service_at(self, service: str) -> str:
        """Say where a service is, and who said so."""
        return f"{service} at {urlsplit(self.url(service)).netloc}{self._said_by(url_of(service))}"

    def database_at(self) -> str:
        """Say which database it is and where, and who said so; never who logs in."""
        return f"{database_at(self.postgres_dsn or '')}{self._said_by(POSTGRES)}"

    def kafka_at(self) -> str:
        """Say where Kafka is, and who said so."""
        return f"Kafka at {self.kafka_bootstrap}{self._said_by(KAFKA)}"

    def _said_by(self, setting: str) -> str:
        return f" (local stack in {self.state_dir})" if self.is_local(setting) else f" ({variable(setting)})"


def url_of(service: str) -> str:
    """Name the setting of a service's address."""
    return service + _URL


def find_endpoints(directory: Path | None, said: CommandSettings) -> Endpoints:
    """Return where the services are. Raises CommandFailed.

    A directory that is named, by option or by KEYFOLD_DIR, must hold a running stack; else it is the stack
    of this directory or of its nearest parent that has one, or none.
    """
    if directory is not None:
        return _stack_of(directory)
    named = _named(said)
    return _over(_stack_of(said.dir) if said.dir is not None else _nearest(is_needed=not named), named)


def _named(said: CommandSettings) -> dict[str, str]:
    urls = {url_of(service): said.url(service) for service in HTTP_SERVICES}
    dsn = None if said.postgres_dsn is None else said.postgres_dsn.get_secret_value()
    found = {**urls, POSTGRES: dsn, KAFKA: said.kafka_bootstrap}
    return {setting: value for setting, value in found.items() if value is not None}


def _over(stack: Endpoints, named: Mapping[str, str]) -> Endpoints:
    urls = {service: named[url_of(service)] for service in HTTP_SERVICES if url_of(service) in named}
    return replace(
        stack,
        urls={**stack.urls, **urls},
        postgres_dsn=named.get(POSTGRES, stack.postgres_dsn),
        service_dsns={} if POSTGRES in named else stack.service_dsns,
        kafka_bootstrap=named.get(KAFKA, stack.kafka_bootstrap),
        named=frozenset(named),
    )


def _nearest(*, is_needed: bool) -> Endpoints:
    here = Path.cwd()
    for each in (here, *here.parents):
        if _runs_in(each / STATE_DIR_NAME):
            try:
                return _stack_in(each / STATE_DIR_NAME)
            except CommandFailed:
                if is_needed:
                    raise
    return Endpoints(urls={})


def state_dir_of(directory: Path) -> Path:
    """Return the state directory that a path means: itself, or the one within."""
    return directory if directory.name == STATE_DIR_NAME else directory / STATE_DIR_NAME


def _stack_of(directory: Path) -> Endpoints:
    for state_dir in (directory, state_dir_of(directory)):
        if _runs_in(state_dir):
            return _stack_in(state_dir)
    raise CommandFailed(f"No local stack runs in {directory}: start one there with `keyfold up`.")


def _runs_in(state_dir: Path) -> bool:
    try:
        return (state_dir / STACK_FILE_NAME).exists()
    except OSError:  # its name is too long, or what leads there is closed to us
        return False


def _stack_in(state_dir: Path) -> Endpoints:
    path = state_dir / STACK_FILE_NAME
    try:
        stack = orjson.loads(path.read_bytes())
        urls = {service: str(stack[service]) for service in (*HTTP_SERVICES, "gateway")}
        return Endpoints(
            urls=urls,
            state_dir=state_dir,
            postgres_dsn=str(stack["postgres"]),
            service_dsns=dict(stack["postgres_of"]),
            kafka_bootstrap=str(stack["kafka"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise CommandFailed(f"{path} cannot be read; is the stack just stopping? ({fault!r})") from fault
