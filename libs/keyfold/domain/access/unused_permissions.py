"""Which of a key's permissions it does not use: what it was granted beside what it was allowed."""

from collections.abc import Mapping

from msgspec import Struct

from keyfold.domain.permissions import CATEGORIES, Access, Category, Permissions


class GrantedCategory(Struct, frozen=True, kw_only=True, gc=False):
    """A category that a key was granted, and the most that it used of it: `NONE` where it used nothing."""

    category: Category
    granted: Access
    used: Access

    @property
    def is_unused(self) -> bool:
        """Tell whether the key could do without."""
        return self.used is Access.NONE


def granted_categories(
    permissions: Permissions, used: Mapping[Category, Access]
) -> tuple[GrantedCategory, ...]:
    """Return each category that is granted; `used` is the most that was allowed in those that were used."""
    return tuple(
        GrantedCategory(
            category=category, granted=permissions[category], used=used.get(category, Access.NONE)
        )
        for category in CATEGORIES
        if permissions[category] is not Access.NONE
    )
