"""A request's headers, as far as an answer to a gateway needs them."""

from collections.abc import Sequence
from typing import Protocol


class Headers(Protocol):
    """Header fields by name, without regard to case, each as often as it was sent."""

    def getall(self, key: str, default: list[str], /) -> Sequence[str]:
        """Return every value of the field in order, or the default when it was not sent."""
        ...

    def __contains__(self, key: object, /) -> bool: ...
