"""The compatibility rule of the topics: what may differ between a released schema and the one of today.

Allowed: new definitions, new properties, more known values, a field that is always there from now on, and
other words in `NOTES`. Whatever else differs is forbidden, also what nobody has thought of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None

NOTES = frozenset({"title", "description", "$comment"})
GROWING_TABLES = frozenset({"definitions", "properties"})
GROWING_LISTS = frozenset({"required", "x-known-values"})


def breaks(released: Json, today: Json, at: str = "#") -> Iterator[str]:
    """Yield where today's schema breaks a promise to consumers of the released one."""
    if isinstance(released, Mapping) and isinstance(today, Mapping):
        for name in sorted({*released, *today} - NOTES):
            yield from _breaks_of(name, released, today, f"{at}/{name}")
    elif not _same(released, today):
        yield f"{at}: {released!r} became {today!r}"


def _breaks_of(name: str, released: Mapping[str, Json], today: Mapping[str, Json], at: str) -> Iterator[str]:
    if name not in released or name not in today:
        yield f"{at} was {'added' if name in today else 'removed'}"
        return
    before, after = released[name], today[name]
    if name in GROWING_TABLES and isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from (f"{at}/{each} is gone" for each in before if each not in after)
        for each in (each for each in before if each in after):
            yield from breaks(before[each], after[each], f"{at}/{each}")
    elif name in GROWING_LISTS and isinstance(before, Sequence) and isinstance(after, Sequence):
        yield from (f"{at}: {each!r} is gone" for each in before if each not in after)
    elif isinstance(before, Sequence) and isinstance(after, Sequence) and not isinstance(before, str):
        yield from _breaks_in_list(before, after, at)
    else:
        yield from breaks(before, after, at)


def _breaks_in_list(released: Sequence[Json], today: Sequence[Json], at: str) -> Iterator[str]:
    if len(released) != len(today):
        yield f"{at}: {released!r} became {today!r}"
        return
    for place, (before, after) in enumerate(zip(released, today, strict=True)):
        yield from breaks(before, after, f"{at}/{place}")


def _same(released: Json, today: Json) -> bool:
    return type(released) is type(today) and released == today
