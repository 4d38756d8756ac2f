"""Very many values in memory: all are packed, and those in use are cached unpacked."""

from collections.abc import Callable, Hashable, Iterable, Iterator, MutableMapping
from functools import lru_cache
from itertools import chain
from typing import Final, TypeVar, overload

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")

IN_USE_MAX: Final = 16_384
"""How many values stay unpacked, 12 MB of keys; the least recently used one gives way."""

# A dict that grows is copied, a million entries in 25 ms, and an answer would wait for that. Many small ones
# grow one after the other, each within a millisecond.
_SHARDS: Final = 64


class Packed(MutableMapping[K, V]):
    """Values by their ids, in a third of the memory or little more that a dict of them would take.

    The garbage collector does not scan bytes, however many there are.
    """

    __slots__ = ("_pack", "_shards", "_unpack")

    def __init__(self, pack: Callable[[V], bytes], unpack: Callable[[K, bytes], V]) -> None:
        self._pack = pack
        # The cache's key includes the packed bytes. So nothing must be removed from it when a value changes:
        # a revoked key has other bytes.
        self._unpack: Callable[[K, bytes], V] = lru_cache(maxsize=IN_USE_MAX)(unpack)
        self._shards: tuple[dict[K, bytes], ...] = tuple({} for _ in range(_SHARDS))

    def __getitem__(self, at: K) -> V:
        return self._unpack(at, self._shards[hash(at) % _SHARDS][at])

    def __setitem__(self, at: K, value: V) -> None:
        self._shards[hash(at) % _SHARDS][at] = self._pack(value)

    def __delitem__(self, at: K) -> None:
        del self._shards[hash(at) % _SHARDS][at]

    def __iter__(self) -> Iterator[K]:
        return chain.from_iterable(self._shards)

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    @overload
    def get(self, at: K, /) -> V | None: ...

    @overload
    def get(self, at: K, /, default: V | T) -> V | T: ...

    def get(self, at: K, /, default: V | T | None = None) -> V | T | None:
        """Return the value with this id, or the default; Mapping's own `get` would raise a KeyError first."""
        packed = self._shards[hash(at) % _SHARDS].get(at)
        return default if packed is None else self._unpack(at, packed)

    def load(self, packed: Iterable[tuple[K, bytes]]) -> None:
        """Add values that are packed already."""
        shards = self._shards
        for at, each in packed:
            shards[hash(at) % _SHARDS][at] = each
