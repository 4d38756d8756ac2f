"""Who may do what with Keyfold's topics, and what is wrong with the rights that a broker has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from keyfold.wire.topics import ACCESS, ALL, DEAD_LETTER, LIFECYCLE

EVERY_USER: Final = "*"
EVERY_NAME: Final = "*"


class Resource(StrEnum):
    """What a right is about."""

    TOPIC = "topic"
    GROUP = "group"


class Right(StrEnum):
    """What Kafka calls an operation, by the name that its own tools print; those that Keyfold looks at."""

    READ = "Read"
    WRITE = "Write"
    DESCRIBE = "Describe"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    CREATE = "Create"
    DELETE = "Delete"
    ALTER = "Alter"
    ALTER_CONFIGS = "AlterConfigs"
    ALL = "All"


_CHANGING: Final = frozenset({Right.WRITE, Right.DELETE, Right.ALTER, Right.ALTER_CONFIGS, Right.ALL})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Grant:
    """A right of a user on a topic, or on a group of consumers; with `is_prefix`, on all that begin so."""

    user: str
    resource: Resource
    name: str
    right: Right
    is_prefix: bool = False

    def __str__(self) -> str:
        return f"{self.right} on {self.resource} {self.name}{'…' if self.is_prefix else ''}"

    def concerns(self, name: str) -> bool:
        """Tell whether it is about a topic or a group of that name."""
        if self.is_prefix:
            return name.startswith(self.name)
        return self.name in (name, EVERY_NAME)

    def covers(self, wanted: Grant) -> bool:
        """Tell whether whoever has this right has the wanted one too."""
        is_theirs = self.user in (wanted.user, EVERY_USER) and self.resource == wanted.resource
        is_wide = self.is_prefix or self.name == EVERY_NAME
        is_wide_enough = self.concerns(wanted.name) and (is_wide or not wanted.is_prefix)
        return is_theirs and is_wide_enough and self.right in (wanted.right, Right.ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who connects to Kafka, as which user, and what it reads and writes there: it may do nothing else.

    A service also sees how its topics are configured, which it checks. An analyst instead has consumer
    groups, whose names begin with that of its user.
    """

    name: str
    user: str
    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    has_groups: bool = False

    def grants(self) -> Iterator[Grant]:
        """Yield every right that it needs."""
        for topic in self.reads:
            yield self._on(topic, Right.READ)
        for topic in self.writes:
            yield self._on(topic, Right.WRITE)
        if self.has_groups:
            yield Grant(
                user=self.user, resource=Resource.GROUP, name=self.user, right=Right.READ, is_prefix=True
            )
            return
        for topic in dict.fromkeys((*self.reads, *self.writes)):
            yield self._on(topic, Right.DESCRIBE_CONFIGS)

    def _on(self, topic: str, right: Right) -> Grant:
        return Grant(user=self.user, resource=Resource.TOPIC, name=topic, right=right)


# Nobody but the relay writes events of the ledger, and nobody but shippers what was decided.
PRINCIPALS: Final = (
    Principal(name="relay", user="relay", writes=(LIFECYCLE.name,)),
    Principal(name="projection", user="projection", reads=(LIFECYCLE.name,), writes=(DEAD_LETTER.name,)),
    Principal(name="gatekeeper", user="gatekeeper", reads=(LIFECYCLE.name,)),
    Principal(name="shipper", user="shipper", writes=(ACCESS.name,)),
    Principal(name="audit", user="audit", reads=(ACCESS.name, DEAD_LETTER.name), writes=(DEAD_LETTER.name,)),
    Principal(name="analyst", user="analyst", reads=(ACCESS.name, LIFECYCLE.name), has_groups=True),
)


def name_users(users: Mapping[str, str]) -> tuple[Principal, ...]:
    """Return the principals, some with other users than those of their own names. Raises KeyError."""
    if unknown := sorted(users.keys() - {each.name for each in PRINCIPALS}):
        raise KeyError(unknown[0])
    return tuple(replace(each, user=users.get(each.name, each.user)) for each in PRINCIPALS)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFault:
    """One thing that is wrong with a user's rights, and what corrects it."""

    user: str
    wrong: str
    mend: str


def find_grant_faults(
    principals: Iterable[Principal], found: Iterable[Grant], *, operator: str | None = None
) -> Iterator[GrantFault]:
    """Yield what principals lack, and what anybody has that could change a topic of Keyfold's.

    `operator` is the user that may do everything: its rights are nobody's fault.
    """
    wanted, present = [grant for each in principals for grant in each.grants()], sorted(found)
    for grant in wanted:
        if not any(each.covers(grant) for each in present):
            yield GrantFault(user=grant.user, wrong=f"it lacks {grant}", mend="keyfold topics make")
    for each in present:
        if each.user != operator and _is_too_much(each, wanted):
            yield GrantFault(
                user=each.user,
                wrong=f"it has {each}, which is nothing that it needs",
                mend=f"kafka-acls.sh --remove --allow-principal 'User:{each.user}' {_as_options(each)}",
            )


def _is_too_much(found: Grant, wanted: Sequence[Grant]) -> bool:
    """Tell whether a right could change one of our topics, and is none that was wanted."""
    is_ours = found.resource is Resource.TOPIC and any(found.concerns(spec.name) for spec in ALL)
    return is_ours and found.right in _CHANGING and found not in wanted


def _as_options(grant: Grant) -> str:
    pattern = " --resource-pattern-type prefixed" if grant.is_prefix else ""
    return f"--operation {grant.right} --{grant.resource} '{grant.name}'{pattern}"
