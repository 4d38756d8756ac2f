"""Which of its permissions a key does not use: what it was granted, compared with what it was allowed."""

from collections.abc import Mapping

from msgspec import Struct

from keyfold.domain.permissions import CATEGORIES, Access, Category, Permissions


class GrantedCategory(Struct, frozen=True, kw_only=True, gc=False):
    """A category that a key was granted, and the most of it that the key used: `NONE` for nothing."""

    category: Category
    granted: Access
    used: Access

    @property
    def is_unused(self) -> bool:
        """Whether the key could do without the category."""
        return self.used is Access.NONE


def granted_categories(
    permissions: Permissions, used: Mapping[Category, Access]
) -> tuple[GrantedCategory, ...]:
    """Return each granted category; `used` has the most that was allowed in each category that was used."""
    return tuple(
        GrantedCategory(
            category=category, granted=permissions[category], used=used.get(category, Access.NONE)
        )
        for category in CATEGORIES
        if permissions[category] is not Access.NONE
    )
