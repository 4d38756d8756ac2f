"""Preconditions: what If-Match and If-None-Match demand before anything is done (RFC 9110, section 13)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from multidict import CIMultiDictProxy

from keyfold.runtime.http.problem import Problem

IF_MATCH: Final = "If-Match"
IF_NONE_MATCH: Final = "If-None-Match"
_ANY: Final = "*"
_TAG: Final = r'(?:W/)?"[^\x00-\x20"\x7f]*"'
_EACH_TAG: Final = re.compile(_TAG)
_TAGS: Final = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")

Tags: TypeAlias = frozenset[str]
"""Entity tags as they were sent, or `*` alone."""

_MALFORMED: Final[Tags] = frozenset()

FAILED: Final = Problem(
    status=412,
    slug="precondition-failed",
    detail="This is not what If-Match or If-None-Match asks for. Nothing was done; read it again.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preconditions:
    """What the two headers say, None for one that is missing.

    Preconditions on dates are ignored, as nothing here has a date (RFC 9110, sections 13.1.3 and 13.1.4).
    """

    match: Tags | None = None
    none_match: Tags | None = None

    def allow_change(self, etag: str | None) -> bool:
        """Tell whether a command may change what has this tag, None if the command creates it."""
        if self.none_match == _MALFORMED:
            return False  # the sender meant to prevent something
        if etag is None:
            return self.match is None
        return self.is_matched(etag) and not self.is_known(etag)

    def is_matched(self, etag: str | None) -> bool:
        """Tell whether If-Match allows reading or changing what has this tag; it compares strongly."""
        return self.match is None or _ANY in self.match or etag in self.match

    def is_known(self, etag: str | None) -> bool:
        """Tell whether If-None-Match names this tag; it compares weakly."""
        if self.none_match is None:
            return False
        return _ANY in self.none_match or (etag is not None and _weak(etag) in map(_weak, self.none_match))


UNCONDITIONAL: Final = Preconditions()


def read_preconditions(headers: CIMultiDictProxy[str]) -> Preconditions:
    """Return what both headers say, each with all its lines."""
    return Preconditions(
        match=_tags(headers.getall(IF_MATCH, [])), none_match=_tags(headers.getall(IF_NONE_MATCH, []))
    )


def etag_of(version: int) -> str | None:
    """Return the strong entity tag of a version; None for 0, as what is being created has none yet."""
    return f'"{version}"' if version else None


def _tags(lines: Sequence[str]) -> Tags | None:
    if not lines:
        return None
    text = ", ".join(lines).strip(" \t")
    if text == _ANY:
        return frozenset((_ANY,))
    return frozenset(_EACH_TAG.findall(text)) if _TAGS.fullmatch(text) else _MALFORMED


def _weak(tag: str) -> str:
    return tag.removeprefix("W/")
