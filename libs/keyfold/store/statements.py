"""SQL by name: each statement lives in a .sql file, with a sentence on what it promises."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiosql

_QUERIES = Path(__file__).parent / "queries"


def load_statements(name: str, **parts: str) -> Any:
    """Return the statements of `queries/<name>.sql` as async functions of a connection and parameters.

    Each of `parts`, such as a `schema`, a plain name that code gives, stands where a statement says
    `{schema}`. They are typed by nothing: which there are, only the file knows.
    """
    text = (_QUERIES / f"{name}.sql").read_text()
    for part, value in parts.items():
        text = text.replace(f"{{{part}}}", value)
    return aiosql.from_str(text, "asyncpg")


def load_part(name: str) -> str:
    """Return what several statements share, from `queries/<name>.sql`."""
    return (_QUERIES / f"{name}.sql").read_text().strip()


def in_order(statements: Any, name: str, values: Mapping[str, object]) -> tuple[object, ...]:
    """Return a statement's values in the order of its parameters, for a driver's call of its bare text."""
    return tuple(values[each] for each in statements.driver_adapter.var_sorted[name])
