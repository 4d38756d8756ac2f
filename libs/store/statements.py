"""SQL by name: each statement lives in a .sql file, with a sentence on what it promises."""

from pathlib import Path
from typing import Any

import aiosql

_QUERIES = Path(__file__).parent / "queries"


def load_statements(name: str, *, schema: str = "") -> Any:
    """Return the statements of `queries/<name>.sql` as async functions of a connection and parameters.

    `schema`, a plain name that code gives, stands where a statement says `{schema}`. They are typed by
    nothing: which there are, only the file knows.
    """
    text = (_QUERIES / f"{name}.sql").read_text()
    return aiosql.from_str(text.replace("{schema}", schema), "asyncpg")
