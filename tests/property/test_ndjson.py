"""Exports as NDJSON, of any text that a row can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from keyfold.store.access_log.ndjson import COPY_OPTIONS, json_lines

Row: TypeAlias = tuple[str, str | None, str | None]
"""An id, a path, and a text that stands for the gateway and for the key's name."""

ID = "00000000-0000-0000-0000-00000000000"
# What stands between values and rows, and what quotes: text of these looks like rows most of all.
HOSTILE = st.text(
    st.one_of(
        st.sampled_from('\x02\n"\\,:{}'), st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    ),
    max_size=60,
)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 9).map(lambda n: f"{ID}{n}"), HOSTILE | st.none(), HOSTILE | st.sampled_from(["null"])
    ),
    min_size=1,
    max_size=5,
)
# As many delimiters as a row has, where a row has them: behind the path come eight, and before it nine.
LIKE_A_ROW = "\x02" * 8 + "\n" + "\x02" * 9
LIKE_A_ROW_WITH_AN_ID = "\x02" * 8 + f'\n"{ID}1"' + "\x02" * 9
ENDS_LIKE_A_ROW = "\x02" * 8 + "\n"


@given(ROWS)
@example([(f"{ID}1", LIKE_A_ROW, "caddy")])
@example([(f"{ID}1", LIKE_A_ROW_WITH_AN_ID, "caddy")])
@example([(f"{ID}1", ENDS_LIKE_A_ROW, "\x02" * 8 + "\x02")])
def test_any_text_is_what_a_reader_of_json_reads(rows: Sequence[Row]) -> None:
    """Each row is one line of JSON with the members that it had, whatever text a client sent."""
    lines = json_lines("".join(map(_copied, rows)).encode()).split(b"\n")
    assert lines.pop() == b""
    told = [orjson.loads(line) for line in lines]
    assert [(item["event_id"], item["path"], item["gateway"]) for item in told] == list(rows)
    assert [item["key_name"] for item in told] == [gateway for _, _, gateway in rows]
    assert all((item["position"], item["requests"], item["reason"]) == (7, 1, None) for item in told)
    assert all(len(item) == 18 for item in told)


def _copied(row: Row) -> str:
    """Write a row as COPY does with these options; that it does is for the tests of exports to tell."""
    event_id, path, text = row
    head = [event_id, "2026-03-15T12:00:00.000004Z", "acc_1", None, None, None, "patient", "read", "GET"]
    values = [*map(_quoted, [*head, path, "allow", None]), "7"]
    values += [_quoted(text), "null", "1", "null", _quoted(text)]
    return str(COPY_OPTIONS["delimiter"]).join(values) + "\n"


def _quoted(value: str | None) -> str:
    return "null" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
