"""The header fields of a request that an answer to a gateway depends on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

Fields = Mapping[str, Sequence[str]]
"""Values by lower-cased name, in order and as often as they were sent.

Bytes that are not UTF-8 are kept as lone surrogates (PEP 383).
"""

_SPELLINGS_MAX: Final = 1024


class FieldNames:
    """The fields that are kept of a request; the others are not even decoded."""

    def __init__(self, names: Iterable[str]) -> None:
        self._spellings = _Spellings(names)

    def __iter__(self) -> Iterator[str]:
        """Yield each name, lower-cased."""
        return iter(self._spellings.kept.values())

    def of(self, lines: Iterable[tuple[bytes, bytes]]) -> Fields:
        """Return the kept fields among those that were sent."""
        reader = self.reader()
        for spelt, value in lines:
            reader.read(spelt, value)
        return reader.take()

    def reader(self) -> "FieldReader":
        """Return a reader that keeps these fields."""
        return FieldReader(self._spellings)


class _Spellings(dict[bytes, str | None]):
    # Gateways use a few spellings; lower-casing each name anew would cost as much as the rest of its line.
    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self.kept = {name.lower().encode("ascii"): name.lower() for name in names}
        self._longest = max(map(len, self.kept))

    def __missing__(self, spelt: bytes) -> str | None:
        # A longer name is none of ours, and must not be remembered either.
        if len(spelt) > self._longest:
            return None
        if len(self) >= _SPELLINGS_MAX:
            self.clear()
        name = self[spelt] = self.kept.get(spelt.lower())
        return name


class FieldReader:
    """Reads the header lines of one request after another."""

    __slots__ = ("_fields", "_meant")

    def __init__(self, meant: _Spellings) -> None:
        self._meant = meant
        self._fields: dict[str, list[str]] = {}

    def read(self, spelt: bytes, value: bytes) -> None:
        """Read a header line."""
        name = self._meant[spelt]
        if name is None:
            return
        text, fields = value.rstrip(b" \t").decode("utf-8", "surrogateescape"), self._fields
        if name in fields:
            fields[name].append(text)
        else:
            fields[name] = [text]

    def take(self) -> Fields:
        """Return the kept fields of the request that was read, and begin with the next."""
        fields, self._fields = self._fields, {}
        return fields
