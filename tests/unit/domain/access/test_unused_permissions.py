"""What a key was granted beside what it used."""

from __future__ import annotations

from keyfold.domain.access.unused_permissions import GrantedCategory, granted_categories
from keyfold.domain.permissions import NO_PERMISSIONS, Access, Category, Permissions

GRANTED = Permissions.of(
    {Category.FILES: Access.READ, Category.CLINICAL: Access.WRITE, Category.PATIENT: Access.WRITE}
)


def given(category: Category, granted: Access, used: Access) -> GrantedCategory:
    """Return what is known of one category."""
    return GrantedCategory(category=category, granted=granted, used=used)


def test_only_what_is_granted_counts() -> None:
    """Each granted category is there with the most that was used of it, and no other, whatever was used."""
    used = {Category.CLINICAL: Access.READ, Category.PATIENT: Access.WRITE, Category.SYSTEM: Access.WRITE}
    assert granted_categories(GRANTED, used) == (
        given(Category.CLINICAL, Access.WRITE, Access.READ),
        given(Category.FILES, Access.READ, Access.NONE),
        given(Category.PATIENT, Access.WRITE, Access.WRITE),
    )


def test_unused_is_what_was_not_even_read() -> None:
    """A category is unused when nothing of it was; write that only read is used."""
    used = {Category.CLINICAL: Access.READ, Category.PATIENT: Access.WRITE}
    unused = [each.category for each in granted_categories(GRANTED, used) if each.is_unused]
    assert unused == [Category.FILES]


def test_without_permissions_nothing_is_unused() -> None:
    """A key that was granted nothing has nothing that it could do without."""
    assert granted_categories(NO_PERMISSIONS, {Category.FILES: Access.READ}) == ()
