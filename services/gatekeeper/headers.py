"""A request's header fields, as far as an answer to a gateway depends on them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

Fields = Mapping[str, Sequence[str]]
"""Values by lower-cased name, in order and as often as they were sent; what is no UTF-8 is kept as lone
surrogates (PEP 383)."""

_SPELLINGS_MAX: Final = 1024


class FieldNames:
    """The fields that are kept of a request; whatever else a client sends is not even decoded."""

    def __init__(self, names: Iterable[str]) -> None:
        kept = {name.lower().encode("ascii"): name.lower() for name in names}
        self._kept = tuple(kept.values())
        self._longest = max(map(len, kept))
        # Gateways send a few spellings; to fold each name anew costs as much as the rest of its line.
        self._meant = lru_cache(maxsize=_SPELLINGS_MAX)(lambda spelt: kept.get(spelt.lower()))

    def __iter__(self) -> Iterator[str]:
        """Yield each name, lower-cased."""
        return iter(self._kept)

    def of(self, lines: Iterable[tuple[bytes, bytes]]) -> Fields:
        """Return the fields that are kept of all those that were sent."""
        fields: dict[str, list[str]] = {}
        for spelt, value in lines:
            # A name that is too long is none of ours, and is not remembered either.
            if len(spelt) <= self._longest and (name := self._meant(spelt)) is not None:
                text = value.rstrip(b" \t").decode("utf-8", "surrogateescape")
                if name in fields:
                    fields[name].append(text)
                else:
                    fields[name] = [text]
        return fields
