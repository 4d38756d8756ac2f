"""What a set of objects keeps in memory: every collection reachable from them, with its size."""

from __future__ import annotations

import gc
from collections import OrderedDict, deque
from collections.abc import Iterable, Sized
from functools import partial
from types import CellType, FunctionType, MethodType

_COLLECTIONS = (dict, list, set, frozenset, tuple, deque, OrderedDict, bytearray)
_OURS = ("keyfold.", "tests.")


def holdings(roots: Iterable[object]) -> list[Sized]:
    """Return the collections that our own objects hold, however deep; other packages' are left out."""
    seen: set[int] = set()
    found: list[Sized] = []
    waiting = list(roots)
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, _COLLECTIONS):
            found.append(each)
        waiting += _held_by(each)
    return found


def _held_by(each: object) -> Iterable[object]:
    if isinstance(each, FunctionType):
        # Not its globals: those lead to everything.
        return [each.__closure__, each.__defaults__, vars(each)]
    if isinstance(each, (*_COLLECTIONS, MethodType, CellType, partial)) or _is_cache(each):
        return gc.get_referents(each)
    return gc.get_referents(each) if type(each).__module__.startswith(_OURS) else ()


def _is_cache(each: object) -> bool:
    return type(each).__name__ == "_lru_cache_wrapper"


def unbounded_caches(roots: Iterable[object]) -> list[str]:
    """Return the names of those caches among these objects that may grow for ever."""
    caches = [each for each in roots if _is_cache(each)]
    return [str(each) for each in caches if getattr(each, "cache_info")().maxsize is None]  # noqa: B009 (untyped)
