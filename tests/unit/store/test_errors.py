"""The driver's errors are translated into failures."""

import asyncpg
import pytest

from keyfold.store.postgres.errors import DatabaseAway, translate_errors

BUSY = "cannot perform operation: another operation is in progress"


def test_cleaning_up_after_a_lost_connection_finds_the_database_away() -> None:
    """A COPY that loses its connection half-way is DatabaseAway, though the driver cannot roll it back."""
    with pytest.raises(DatabaseAway), translate_errors():
        try:
            raise asyncpg.InternalClientError(
                "cannot switch to state 21; another operation (2) is in progress"
            )
        finally:
            try:
                raise asyncpg.InterfaceError(BUSY)
            finally:
                raise asyncpg.InterfaceError(BUSY)


def test_two_uses_of_one_connection_are_a_bug() -> None:
    """Sharing a connection between two calls is a bug of ours, and is not translated."""
    with pytest.raises(asyncpg.InterfaceError), translate_errors():
        raise asyncpg.InterfaceError(BUSY)
