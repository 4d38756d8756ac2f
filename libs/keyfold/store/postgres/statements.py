"""SQL by name: each statement lives in a .sql file, with a sentence on what it promises."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiosql

_STORE = Path(__file__).parents[1]


def load_statements(name: str, **parts: str) -> Any:
    """Return the statements of `<name>.sql`, a path within the store.

    Each is an async function of a connection and parameters.

    Each of `parts`, such as a `schema`, a plain name that code gives, stands where a statement says
    `{schema}`. They are typed by nothing: which there are, only the file knows.
    """
    text = (_STORE / f"{name}.sql").read_text()
    for part, value in parts.items():
        text = text.replace(f"{{{part}}}", value)
    return aiosql.from_str(text, "asyncpg")


def load_part(name: str) -> str:
    """Return what several statements share, from `<name>.sql`."""
    return (_STORE / f"{name}.sql").read_text().strip()


def in_order(statements: Any, name: str, values: Mapping[str, object]) -> tuple[object, ...]:
    """Return a statement's values in the order of its parameters, for a driver's call of its bare text."""
    return tuple(values[each] for each in statements.driver_adapter.var_sorted[name])
