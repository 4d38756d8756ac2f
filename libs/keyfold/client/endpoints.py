"""Where the services are: by the environment, else by the record that a local stack keeps of itself.

The more explicit wins, value by value: `--dir` over environment variables, and those over a local stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from keyfold.client.failure import CommandFailed
from keyfold.client.settings import CommandSettings, variable
from keyfold.runtime.settings.addresses import database_at
from keyfold.runtime.settings.kafka import KafkaAccess

STATE_DIR_NAME: Final = ".keyfold"
STACK_FILE_NAME: Final = "stack.json"
STATE_SECRET_NAME: Final = "state-secret"  # noqa: S105 - the name of the file with it
_URL: Final = "_url"
HTTP_SERVICES: Final = tuple(
    name.removesuffix(_URL) for name in CommandSettings.model_fields if name.endswith(_URL)
)
"""The services that commands speak to: each has a setting for its address."""
POSTGRES: Final = "postgres_dsn"
KAFKA: Final = "kafka_bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Addresses by service name. ``state_dir`` is the local stack's, None if there is none.

    ``postgres_dsn`` is the database's address: with its owner's login on a local stack, else as the
    environment has it. ``service_dsns`` are the addresses with each service's own login, if known.
    ``kafka`` is how Kafka is reached, on a local stack with all rights; ``kafka_users`` are how each of a
    local stack's users reaches it, services among them.
    ``named`` are the settings that come from the environment: everything else is the local stack's.
    """

    urls: Mapping[str, str]
    state_dir: Path | None = None
    postgres_dsn: str | None = field(default=None, repr=False)
    service_dsns: Mapping[str, str] = field(default_factory=dict, repr=False)
    kafka: KafkaAccess | None = None
    kafka_users: Mapping[str, KafkaAccess] = field(default_factory=dict, repr=False)
    named: frozenset[str] = frozenset()

    def url(self, service: str) -> str:
        """Return a service's address. Raises CommandFailed if it is not known."""
        if service not in self.urls:
            raise CommandFailed(
                f"There is no address of the {service} service: start a local stack with `keyfold up`, "
                f"name its directory with --dir, or set {variable(url_setting(service))}."
            )
        return self.urls[service]

    def postgres_of(self, service: str) -> str | None:
        """Return the database's address with a service's login, else ``postgres_dsn``; None if unknown."""
        return self.service_dsns.get(service, self.postgres_dsn)

    def kafka_as(self, user: str) -> KafkaAccess | None:
        """Return how a service reaches Kafka, else ``kafka``; None if unknown."""
        return self.kafka_users.get(user, self.kafka)

    def is_local(self, setting: str) -> bool:
        """Tell whether an address is the local stack's, rather than from the environment."""
        return self.state_dir is not None and setting not in self.named

    @property
    def is_mixed(self) -> bool:
        """Whether some addresses come from the environment, and others from a local stack."""
        return self.state_dir is not None and bool(self.named)

    def mixture(self) -> str:
        """Return in words which addresses come from the environment, and that the others are local."""
        named = ", ".join(sorted(map(variable, self.named)))
        return f"{named} as the environment says; everything else is the local stack in {self.state_dir}"

    def service_at(self, service: str) -> str:
        """Return in words where a service is, and by which source."""
        return f"{service} at {urlsplit(self.url(service)).netloc}{self._source_of(url_setting(service))}"

    def database_at(self) -> str:
        """Return in words which database it is, where, and by which source; never the login."""
        return f"{database_at(self.postgres_dsn or '')}{self._source_of(POSTGRES)}"

    def kafka_at(self) -> str:
        """Return in words where Kafka is, and by which source."""
        bootstrap = "" if self.kafka is None else self.kafka.bootstrap
        return f"Kafka at {bootstrap}{self._source_of(KAFKA)}"

    def _source_of(self, setting: str) -> str:
        return f" (local stack in {self.state_dir})" if self.is_local(setting) else f" ({variable(setting)})"


def url_setting(service: str) -> str:
    """Return the name of the setting with a service's address, such as `registry_url`."""
    return service + _URL


def find_endpoints(directory: Path | None, settings: CommandSettings) -> Endpoints:
    """Return where the services are. Raises CommandFailed.

    A directory that an option or KEYFOLD_DIR names must hold a running stack. Without one, it is the stack in
    this directory or in its nearest parent that has one, if any.
    """
    if directory is not None:
        return _find_stack(directory)
    named = _read_named(settings)
    stack = _find_nearest(is_needed=not named) if settings.dir is None else _find_stack(settings.dir)
    return _override(stack, named, settings.kafka)


def _read_named(settings: CommandSettings) -> dict[str, str]:
    urls = {url_setting(service): settings.url(service) for service in HTTP_SERVICES}
    dsn = None if settings.postgres_dsn is None else settings.postgres_dsn.get_secret_value()
    found = {**urls, POSTGRES: dsn, KAFKA: settings.kafka_bootstrap}
    return {setting: value for setting, value in found.items() if value is not None}


def _override(stack: Endpoints, named: Mapping[str, str], kafka: KafkaAccess | None) -> Endpoints:
    urls = {
        service: named[url_setting(service)] for service in HTTP_SERVICES if url_setting(service) in named
    }
    return replace(
        stack,
        urls={**stack.urls, **urls},
        postgres_dsn=named.get(POSTGRES, stack.postgres_dsn),
        service_dsns={} if POSTGRES in named else stack.service_dsns,
        kafka=kafka or stack.kafka,
        kafka_users={} if KAFKA in named else stack.kafka_users,
        named=frozenset(named),
    )


def _find_nearest(*, is_needed: bool) -> Endpoints:
    here = Path.cwd()
    for each in (here, *here.parents):
        if _has_stack(each / STATE_DIR_NAME):
            try:
                return _read_stack(each / STATE_DIR_NAME)
            except CommandFailed:
                if is_needed:
                    raise
    return Endpoints(urls={})


def state_dir_of(directory: Path) -> Path:
    """Return the state directory that a path means: itself, or the one inside it."""
    return directory if directory.name == STATE_DIR_NAME else directory / STATE_DIR_NAME


def _find_stack(directory: Path) -> Endpoints:
    for state_dir in (directory, state_dir_of(directory)):
        if _has_stack(state_dir):
            return _read_stack(state_dir)
    raise CommandFailed(f"No local stack runs in {directory}: start one there with `keyfold up`.")


def _has_stack(state_dir: Path) -> bool:
    try:
        return (state_dir / STACK_FILE_NAME).exists()
    except OSError:  # its name is too long, or we may not enter a parent directory
        return False


def _read_stack(state_dir: Path) -> Endpoints:
    path = state_dir / STACK_FILE_NAME
    try:
        stack = orjson.loads(path.read_bytes())
        urls = {service: str(stack[service]) for service in (*HTTP_SERVICES, "gateway")}
        return Endpoints(
            urls=urls,
            state_dir=state_dir,
            postgres_dsn=str(stack["postgres"]),
            service_dsns=dict(stack["postgres_of"]),
            kafka=kafka_of(stack),
            kafka_users={user: kafka_of(stack, user) for user in stack["kafka_security"]["passwords"]},
        )
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise CommandFailed(f"{path} cannot be read; is the stack just stopping? ({fault!r})") from fault


def kafka_of(stack: Mapping[str, Any], user: str = "admin") -> KafkaAccess:
    """Return how a user of a local stack's broker reaches it, by the stack's record.

    Raises KeyError for none of its users, and OSError.
    """
    security = stack["kafka_security"]
    return KafkaAccess(
        bootstrap=str(stack["kafka"]),
        protocol=security["protocol"],
        mechanism=security["mechanism"],
        username=user,
        password=Path(security["passwords"][user]).read_text(),
    )
