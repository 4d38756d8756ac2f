"""How much of a practice's data a subscriber key may touch: an access for each of seven categories."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final, Literal, Self, get_args

from msgspec import Struct

AccessWord = Literal["none", "read", "write"]
"""An access as the API, the events and the log write it."""


class Category(StrEnum):
    """One of the seven kinds of data that a permission speaks of."""

    APPOINTMENT = "appointment"
    CLINICAL = "clinical"
    CONTACT = "contact"
    FILES = "files"
    FINANCIAL = "financial"
    PATIENT = "patient"
    SYSTEM = "system"


class Access(IntEnum):
    """How far a permission goes, ordered: `write` includes `read`, and `none` allows nothing."""

    NONE = 0
    READ = 1
    WRITE = 2

    @property
    def word(self) -> AccessWord:
        """Return the word for it."""
        return ACCESS_WORDS[self]

    @classmethod
    def of(cls, word: str) -> "Access":
        """Return the access that a word names. Raises ValueError for any other word."""
        access = _BY_WORD.get(word)
        if access is None:
            raise ValueError(f"{word!r} is no access")
        return access


ACCESS_WORDS: Final[tuple[AccessWord, ...]] = get_args(AccessWord)
CATEGORIES = tuple(Category)
# Every event with permissions names seven: a look-up costs a tenth of what calling the class does.
_BY_WORD: Final[Mapping[str, Access]] = {access.word: access for access in Access}


class Permissions(Struct, frozen=True, gc=False):
    """An access for every category, in the order of `CATEGORIES`. What was never granted is `none`."""

    levels: tuple[Access, ...]

    def __post_init__(self) -> None:
        if len(self.levels) != len(CATEGORIES):
            raise ValueError(f"permissions name {len(self.levels)} categories, not {len(CATEGORIES)}")

    @classmethod
    def of(cls, granted: Mapping[Category, Access]) -> Self:
        """Build permissions from those granted, every other category at `none`."""
        return cls(tuple(granted.get(category, Access.NONE) for category in CATEGORIES))

    def __getitem__(self, category: Category) -> Access:
        return self.levels[_INDEX[category]]

    def changed(self, changes: Mapping[Category, Access]) -> Self:
        """Return these permissions with the named categories changed and the others as they are."""
        return type(self)(tuple(changes.get(category, self[category]) for category in CATEGORIES))

    def as_words(self) -> dict[str, str]:
        """Return all seven as words, `{"appointment": "read", …}`: the shape of events and of the API."""
        return {category.value: self[category].word for category in CATEGORIES}


_INDEX = {category: index for index, category in enumerate(CATEGORIES)}
NO_PERMISSIONS = Permissions.of({})
