"""SQL by name: each statement is in a .sql file, with a sentence on what it promises."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiosql

_STORE = Path(__file__).parents[1]


def load_statements(name: str, **parts: str) -> Any:
    """Return the statements of `<name>.sql`, a path within the store.

    Each statement is an async function of a connection and parameters. Nothing types them: only the file
    knows which there are.

    `parts` fill the file's placeholders: `schema="ledger"` stands for `{schema}`. They are plain names from
    code, never values from outside.
    """
    text = (_STORE / f"{name}.sql").read_text()
    for part, value in parts.items():
        text = text.replace(f"{{{part}}}", value)
    return aiosql.from_str(text, "asyncpg")


def load_part(name: str) -> str:
    """Return the text of `<name>.sql`, which several statements share."""
    return (_STORE / f"{name}.sql").read_text().strip()


def order_values(statements: Any, name: str, values: Mapping[str, object]) -> tuple[object, ...]:
    """Return a statement's values in the order of its parameters, for calling the driver with its text."""
    return tuple(values[each] for each in statements.driver_adapter.var_sorted[name])
