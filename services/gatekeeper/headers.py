"""A request's header fields, as far as an answer to a gateway depends on them."""

from collections.abc import Iterable, Mapping, Sequence

Fields = Mapping[str, Sequence[str]]
"""Values by lower-cased name, in order and as often as they were sent; what is no UTF-8 is kept as lone
surrogates (PEP 383)."""


class FieldNames:
    """The fields that are kept of a request; whatever else a client sends is not even decoded."""

    def __init__(self, names: Iterable[str]) -> None:
        self.by_bytes: Mapping[bytes, str] = {name.lower().encode("ascii"): name.lower() for name in names}

    def of(self, raw: Iterable[tuple[bytes, bytes]]) -> Fields:
        """Return the fields that are kept of all those that were sent."""
        fields: dict[str, list[str]] = {}
        for raw_name, value in raw:
            if (name := self.by_bytes.get(raw_name.lower())) is not None:
                fields.setdefault(name, []).append(value.decode("utf-8", "surrogateescape"))
        return fields
