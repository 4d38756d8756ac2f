"""`keyfold topics`: Keyfold's topics in Kafka, who may write and read them, and what is wrong with either."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from keyfold.cli.command import command
from keyfold.cli.keyfold import Keyfold, say_target
from keyfold.cli.screen import Ending, Listing
from keyfold.client.endpoints import KAFKA
from keyfold.client.failure import CommandFailed, WrongUsage
from keyfold.client.http import JsonObject
from keyfold.client.settings import variable
from keyfold.local.state import write_private
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.grants import EVERY_USER, Grant, Principal, Resource, Right, find_grant_faults, name_users
from keyfold.wire.topic_rules import Topic
from keyfold.wire.topics import ALL

EVERYBODY: Final = "everybody"

T = TypeVar("T")

topics = typer.Typer(no_args_is_help=True, help="Topics in Kafka, and who may do what with them (operator).")

Users = Annotated[
    list[str] | None,
    typer.Option(
        "--user",
        metavar="SERVICE=USER",
        help="As which user a service connects, if not as one of its own name: relay=CN=relay,O=Example.",
    ),
]
Passwords = Annotated[
    Path | None,
    typer.Option(
        "--passwords",
        metavar="DIR",
        help="Also make SCRAM users that are missing; a file named as each has its password, or gets one.",
    ),
]


@command(topics, "show")
async def show_topics(keyfold: Keyfold) -> Listing:
    """Show each topic with its partitions, copies and retention, and who may write and read it."""
    _require_operator()
    from keyfold.kafka.topics import describe_topics

    kafka = _kafka(keyfold)
    found = await _ask(describe_topics(kafka, ALL))
    grants, warnings = await _grants(kafka)
    return overview(found, grants, warnings)


def overview(found: Mapping[str, Topic], grants: frozenset[Grant], warnings: Sequence[str] = ()) -> Listing:
    """Return what is shown of the topics that were found."""
    items: list[JsonObject] = [
        {
            "topic": spec.name,
            "partitions": None if (topic := found.get(spec.name)) is None else topic.partitions,
            "copies": None if topic is None else topic.copies,
            "kept": None if topic is None else topic.kept,
            "written_by": _users_with(Right.WRITE, spec.name, grants),
            "read_by": _users_with(Right.READ, spec.name, grants),
        }
        for spec in ALL
    ]
    return Listing(
        columns=("topic", "partitions", "copies", "kept", "written by", "read by"),
        rows=[[_shown(value) for value in item.values()] for item in items],
        items=items,
        empty="",
        prose=("written by", "read by"),
        warnings=warnings,
    )


@command(topics, "make")
async def make_topics(keyfold: Keyfold, users: Users = None, passwords: Passwords = None) -> Listing:
    """Make topics, users and rights that are missing; what is there stays as it is."""
    _require_operator()
    from keyfold.kafka.operator.setup import make

    principals, kafka = _principals(users), _kafka(keyfold)
    made = await _ask(
        make(
            kafka,
            principals,
            password_of=None if passwords is None else lambda user: _password_of(passwords, user),
            mechanism="SCRAM-SHA-512" if kafka.mechanism == "PLAIN" else kafka.mechanism,
        )
    )
    where = f"its password is in {passwords}"
    items = [
        *({"kind": "topic", "name": name, "made": "as services need it"} for name in sorted(made.topics)),
        *({"kind": "user", "name": user, "made": where} for user in sorted(made.users)),
        *({"kind": "right", "name": each.user, "made": str(each)} for each in sorted(made.grants)),
    ]
    return rows(items, empty="Nothing was missing.")


@command(topics, "check")
async def check_topics(keyfold: Keyfold, users: Users = None) -> Listing:
    """Check topics, and that each user may do what it must and nobody more; exit with 1 if not."""
    _require_operator()
    from keyfold.kafka.operator.setup import read
    from keyfold.kafka.topics import find_topic_faults

    principals, kafka = _principals(users), _kafka(keyfold)
    faults, grants = await _ask(find_topic_faults(kafka, ALL)), await _ask(read(kafka))
    items = [
        *({"of": fault.topic, "wrong": fault.wrong, "mend": fault.mend} for fault in faults),
        *(
            {"of": fault.user, "wrong": fault.wrong, "mend": fault.mend}
            for fault in find_grant_faults(principals, grants, operator=kafka.username)
        ),
    ]
    return rows(items, empty="Topics and rights are as they should be.", is_fault=True)


def rows(items: Sequence[Mapping[str, str]], *, empty: str, is_fault: bool = False) -> Listing:
    """Return what is shown of things that were made, or that are wrong: a row each."""
    columns = list(items[0]) if items else []
    return Listing(
        columns=columns,
        rows=[list(item.values()) for item in items],
        items=items,
        empty=empty,
        prose=columns[1:],
        ending=Ending.FAILED if items and is_fault else Ending.DONE,
    )


def _kafka(keyfold: Keyfold) -> KafkaAccess:
    kafka = keyfold.endpoints.kafka
    if kafka is None:
        raise CommandFailed(f"Which Kafka? Set {variable(KAFKA)}.")
    say_target(keyfold.endpoints.kafka_at())
    return kafka


def _principals(users: Sequence[str] | None) -> Sequence[Principal]:
    named = dict(each.partition("=")[::2] for each in users or ())
    try:
        if not all(named.values()):
            raise WrongUsage("--user is as in relay=CN=relay: a service, and the user that it connects as.")
        return name_users(named)
    except KeyError as unknown:
        raise WrongUsage(f"--user names {unknown}, which is none of those that connect to Kafka.") from None


async def _grants(kafka: KafkaAccess) -> tuple[frozenset[Grant], Sequence[str]]:
    """Return all rights, and what a reader must be told of them."""
    from keyfold.kafka.operator.rights import NoAuthorizer
    from keyfold.kafka.operator.setup import read

    try:
        return await _ask(read(kafka)), ()
    except CommandFailed as failed:
        if not isinstance(failed.__cause__, NoAuthorizer):
            raise
        every = (Grant(user="*", resource=Resource.TOPIC, name=spec.name, right=Right.ALL) for spec in ALL)
        return frozenset(every), (f"{failed.__cause__}.".capitalize(),)


async def _ask(answer: Awaitable[T]) -> T:
    from keyfold.kafka.errors import KafkaFailure

    try:
        return await answer
    except KafkaFailure as failure:
        raise CommandFailed(f"Kafka does not do that: {failure}") from failure


def _require_operator() -> None:
    # What speaks to Kafka is imported by those who need it, as every other command would wait for it to load.
    from keyfold.kafka.operator.extra import OperatorMissing, require_operator

    try:
        require_operator()
    except OperatorMissing as missing:
        raise CommandFailed(f"{missing}.") from missing


def _users_with(right: Right, topic: str, grants: Iterable[Grant]) -> Sequence[str]:
    having = {
        each.user
        for each in grants
        if each.resource is Resource.TOPIC and each.concerns(topic) and each.right in (right, Right.ALL)
    }
    return sorted(EVERYBODY if user == EVERY_USER else user for user in having)


def _password_of(directory: Path, user: str) -> str:
    """Return what the user's file holds; if there is none, write one that only we can read."""
    path = directory / user
    try:
        if not path.exists():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, secrets.token_urlsafe(24).encode())
        return path.read_text().strip()
    except OSError as fault:
        raise CommandFailed(f"{path} cannot be read or written: {fault.strerror}") from fault


def _shown(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value)) or "nobody"
    return "missing" if value is None else str(value)
