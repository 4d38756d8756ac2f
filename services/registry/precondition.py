"""Versions on the wire: the ETag of a resource, and the If-Match that holds a command to one."""

from collections.abc import Sequence
from dataclasses import dataclass

ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Precondition:
    """What `If-Match` says (RFC 9110, 13.1.1): entity tags of which one must match, or None."""

    tags: tuple[str, ...] | None

    def holds(self, version: int) -> bool:
        """Tell whether a resource of this version (0: there is none) is one that the caller meant."""
        if self.tags is None:
            return True
        return version > 0 and (ANY in self.tags or etag(version) in self.tags)


UNCONDITIONAL = Precondition(tags=None)


def read_precondition(if_match: Sequence[str]) -> Precondition:
    """Read the header's lines as one list; what is no entity tag, and a weak one too, matches nothing."""
    if not if_match:
        return UNCONDITIONAL
    return Precondition(tags=tuple(tag.strip() for line in if_match for tag in line.split(",")))


def etag(version: int) -> str:
    """Return the strong entity tag of a version."""
    return f'"{version}"'
