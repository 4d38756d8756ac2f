"""What PostgreSQL can do to a caller, each named for what the caller must do about it.

    StoreFailure
     ├── DatabaseAway           try again later
     │    ├── CommitUnknown     it may have been committed: look before doing it again
     │    └── ReadOnly          this server takes no writes: try again on one that does
     ├── NotMigrated            an owner must apply migrations first: try again later
     ├── ReadModelAbsent        the projection is building it: try again later
     ├── ReplayRunning          another process is building a generation: try again when it is done
     ├── NoStandstill           the serving generation keeps changing: try again when less is going on
     ├── ReadModelAltered       somebody edited the read model: believe none of it until it is built anew
     ├── Fenced                 another projection writes the read model: stop
     ├── UnfoldableEvent        the state does not allow an event of the ledger: stop
     ├── OffsetsMoved           another process has filed from these partitions: read their offsets again
     ├── PartitionMissing       the access log has no partition for a day: make it, then file again
     ├── VersionConflict        another writer was faster: load again and decide again
     ├── LeadershipLost         another process may lead by now: stop what only a leader may do
     ├── DatabaseMisconfigured  an operator must change something first: stop
     └── MigrationFailed        the database is as it was before that migration: stop

Every asyncpg error is translated here and nowhere else; an untranslated one is a bug of ours.
"""

import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import asyncpg

from keyfold.domain.refusal import ImpossibleEvent
from keyfold.runtime.failure import StopProcess, TryLater


class StoreFailure(Exception):
    """PostgreSQL could not do what was asked."""


class DatabaseAway(StoreFailure, TryLater):
    """PostgreSQL did not answer, or not in time. Try again later."""


class CommitUnknown(DatabaseAway):
    """The connection was lost during a commit. Look whether it was committed before doing it again."""


class ReadOnly(DatabaseAway):
    """This server takes no writes: it is a standby, or was made read-only. Try again on the primary."""


class NotMigrated(StoreFailure, TryLater):
    """The database lacks migrations that this code needs. Try again later: its owner applies them."""


class ReadModelAbsent(StoreFailure, TryLater):
    """There is no read model of this code's shape. Try again later: the projection is building it."""


class Fenced(StoreFailure, StopProcess):
    """The read model is not where this writer left it: another one writes too. Stop, and leave it to that."""


class ReadModelAltered(StoreFailure, StopProcess):
    """The read model is not what was folded into it. Believe none of it until a replay has built it anew."""

    def __init__(self, difference: str) -> None:
        super().__init__(f"the read model was altered: {difference}; `keyfold replay` builds it anew")


class ReplayRunning(StoreFailure, TryLater):
    """Another process is building a generation. Try again when it is done."""


class NoStandstill(StoreFailure, TryLater):
    """The serving generation kept changing for a minute. Try again when less is going on."""


class UnfoldableEvent(StoreFailure, StopProcess):
    """The state does not allow an event of the ledger: it is from another ledger, or this code is wrong."""

    def __init__(self, position: int, impossible: ImpossibleEvent) -> None:
        super().__init__(f"the event at position {position} cannot be folded: {impossible}")


class OffsetsMoved(StoreFailure):
    """Another process has filed from these partitions, so nothing was filed. Read their offsets again."""


class PartitionMissing(StoreFailure):
    """The access log has no partition for an event's day, so nothing was filed. Make it, then file again."""


class VersionConflict(StoreFailure):
    """Streams have moved on since they were loaded, so nothing was appended. Load them and decide again."""

    def __init__(self, streams: Sequence[str]) -> None:
        super().__init__(f"moved on since they were loaded: {', '.join(streams)}")
        self.streams = tuple(streams)


class LeadershipLost(StoreFailure):
    """The connection that held the leader's lock is gone. Stop what only a leader may do, at once."""


class DatabaseMisconfigured(StoreFailure, StopProcess):
    """A database, table, role or permission is missing. Stop until an operator has changed that."""


class MigrationFailed(StoreFailure, StopProcess):
    """A migration failed and was rolled back. Stop; correct it and start again."""


_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # also a database that takes no connections at present
    asyncpg.IdleInTransactionSessionTimeoutError,
    OSError,
    TimeoutError,
)
_MISCONFIGURED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InvalidSchemaNameError,
)
# asyncpg uses one class both for a lost connection and for wrong use of its API; only the text differs.
_GONE = re.compile(r"(connection|pool) is clos")


@contextmanager
def translate_errors() -> Iterator[None]:
    """Translate the driver's errors that any call of it may raise."""
    try:
        yield
    except Exception as error:
        failure = to_failure(error)
        if failure is None:
            raise
        raise failure from error


@contextmanager
def translate_connect_errors() -> Iterator[None]:
    """Translate the driver's errors when opening a connection, where none is a bug of ours.

    The driver's text about an address or a `PG…` variable is not repeated: it may quote a password.
    """
    try:
        with translate_errors():
            yield
    except asyncpg.PostgresError as refused:  # such as for an unknown parameter in the address
        raise DatabaseMisconfigured(_describe(refused)) from refused
    except (asyncpg.InterfaceError, ValueError):
        raise DatabaseMisconfigured(
            "the driver cannot use KEYFOLD_POSTGRES_DSN together with the PG… variables that are set"
        ) from None


@contextmanager
def translate_read_model_errors() -> Iterator[None]:
    """Translate the driver's errors when reading the read model, which may not be built yet."""
    with translate_errors():
        try:
            yield
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as absent:
            raise ReadModelAbsent(_describe(absent)) from absent


def to_failure(error: BaseException | None) -> StoreFailure | None:
    """Return the failure that a driver's error means, or None for a bug of ours."""
    match error:
        case asyncpg.InterfaceError():
            return (
                DatabaseAway(_describe(error)) if _GONE.search(str(error)) or _is_left_over(error) else None
            )
        case asyncpg.InternalClientError():  # follows from a call that lost its connection half-way
            return DatabaseAway(_describe(error))
        case ssl.SSLCertVerificationError():
            return DatabaseMisconfigured(f"the server's certificate is not good: {error.verify_message}")
        case asyncpg.ReadOnlySQLTransactionError():
            return ReadOnly(_describe(error))
        case _ if isinstance(error, _MISCONFIGURED):
            return DatabaseMisconfigured(_describe(error))
        case _ if isinstance(error, _AWAY):
            return DatabaseAway(_describe(error))
    return None


def _is_left_over(error: BaseException) -> bool:
    """Tell whether the error comes from cleaning up after a call that lost its connection half-way."""
    before = error.__context__
    while before is not None and not isinstance(before, asyncpg.InternalClientError):
        before = before.__context__
    return before is not None


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
