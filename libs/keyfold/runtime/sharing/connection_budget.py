"""The connections of a port: never more than it may hold, and shared fairly by host and by tenant."""

from collections.abc import Iterator
from typing import Final, Protocol

from keyfold.runtime import metrics

_STRANGERS_SHARE: Final = 8
"""One place in eight is always left for those who have not shown a token yet: somebody may be about to."""

CONNECTIONS: Final = metrics.gauge(
    "keyfold_connections",
    "Open connections of a port, by whether a valid token came on them.",
    ("port", "who"),
)
DISPLACED: Final = metrics.counter(
    "keyfold_connections_displaced_total",
    "Connections closed to make room for another one, by whether a valid token came on them.",
    ("port", "who"),
)
STRANGER, KNOWN = "stranger", "known"


class SharedConnection(Protocol):
    """A connection as its budget sees it. `used_s` is when it was last of use, on a steady clock."""

    @property
    def used_s(self) -> float:
        """When the last request came, or the connection itself."""
        ...

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        ...

    def displace(self) -> None:
        """Close at once, to make room for another one."""
        ...


class ConnectionBudget:
    """Takes every new connection, and closes another one for it when there are too many.

    Who has shown no token gives way first: the oldest connection of the host that holds the most of them.
    Who has shown one gives way only when such connections are too many themselves, and then it is the tenant
    that holds the most: the one of its connections that is idle for the longest.
    """

    def __init__(self, port: str, connections_max: int) -> None:
        self._port = port
        self._connections_max = max(2, connections_max)
        self._known_max = self._connections_max - max(1, self._connections_max // _STRANGERS_SHARE)
        self._strangers, self._known = _Groups(), _Groups()
        CONNECTIONS.labels(port, STRANGER).set_function(lambda: len(self._strangers))
        CONNECTIONS.labels(port, KNOWN).set_function(lambda: len(self._known))

    def __len__(self) -> int:
        return len(self._strangers) + len(self._known)

    def __iter__(self) -> Iterator[SharedConnection]:
        """Yield the open connections; they may close meanwhile."""
        yield from (*self._strangers, *self._known)

    def admit(self, connection: SharedConnection, host: str) -> None:
        """Take a new connection; close one of a stranger's if there are too many now."""
        # There is one: those that are known leave room for strangers.
        if len(self) >= self._connections_max:
            self._displace(self._strangers, self._strangers.find_oldest_of_largest(), STRANGER)
        self._strangers.add(connection, host)

    def recognise(self, connection: SharedConnection, tenant: str) -> None:
        """Note whose valid token came on an open connection; the newest one counts."""
        if self._known.group_of(connection) == tenant:
            return
        if not (self._strangers.remove(connection) or self._known.remove(connection)):
            return
        self._known.add(connection, tenant)
        if len(self._known) > self._known_max:
            others = [each for each in self._known.largest() if each is not connection]
            longest_idle = min(others or [connection], key=lambda each: (each.is_busy, each.used_s))
            self._displace(self._known, longest_idle, KNOWN)

    def release(self, connection: SharedConnection) -> None:
        """Forget a connection that is closed."""
        if not self._strangers.remove(connection):
            self._known.remove(connection)

    def _displace(self, among: "_Groups", connection: SharedConnection, who: str) -> None:
        among.remove(connection)
        DISPLACED.labels(self._port, who).inc()
        connection.displace()


class _Groups:
    """Connections by whose they are, each in its order of arrival; finds the largest group at once."""

    def __init__(self) -> None:
        self._group_of: dict[SharedConnection, str] = {}
        self._members: dict[str, dict[SharedConnection, None]] = {}
        self._by_size: list[dict[str, None]] = [{}]

    def __len__(self) -> int:
        return len(self._group_of)

    def __iter__(self) -> Iterator[SharedConnection]:
        return iter(self._group_of)

    def group_of(self, connection: SharedConnection) -> str | None:
        return self._group_of.get(connection)

    def add(self, connection: SharedConnection, group: str) -> None:
        members = self._members.setdefault(group, {})
        self._group_of[connection] = group
        members[connection] = None
        size = len(members)
        self._by_size[size - 1].pop(group, None)
        if size == len(self._by_size):
            self._by_size.append({})
        self._by_size[size][group] = None

    def remove(self, connection: SharedConnection) -> bool:
        group = self._group_of.pop(connection, None)
        if group is None:
            return False
        members = self._members[group]
        size = len(members)
        del members[connection], self._by_size[size][group]
        if members:
            self._by_size[size - 1][group] = None
        else:
            del self._members[group]
        if len(self._by_size) > 1 and not self._by_size[-1]:
            self._by_size.pop()
        return True

    def largest(self) -> Iterator[SharedConnection]:
        return iter(self._members[next(iter(self._by_size[-1]))])

    def find_oldest_of_largest(self) -> SharedConnection:
        return next(self.largest())
