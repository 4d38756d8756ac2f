"""Permissions: seven categories, always all of them, `none` unless granted."""

import pytest

from keyfold.domain.permissions import CATEGORIES, NO_PERMISSIONS, Access, Category, Permissions


def test_what_was_never_granted_is_none() -> None:
    """Only the categories named are granted, each as named."""
    permissions = Permissions.of({Category.CLINICAL: Access.READ, Category.SYSTEM: Access.WRITE})
    assert permissions.as_words() == {
        "appointment": "none",
        "clinical": "read",
        "contact": "none",
        "files": "none",
        "financial": "none",
        "patient": "none",
        "system": "write",
    }
    assert all(NO_PERMISSIONS[category] is Access.NONE for category in CATEGORIES)


@pytest.mark.parametrize("length", [0, 6, 8])
def test_permissions_name_exactly_seven_categories(length: int) -> None:
    """Fewer or more levels than categories is a bug, told at once."""
    with pytest.raises(ValueError, match="not 7"):
        Permissions((Access.READ,) * length)


def test_access_is_ordered_and_write_includes_read() -> None:
    """`none` < `read` < `write`."""
    assert Access.NONE < Access.READ < Access.WRITE


@pytest.mark.parametrize("access", Access)
def test_an_access_is_its_word(access: Access) -> None:
    """Each access has one word, which names it back."""
    assert Access.of(access.word) is access


@pytest.mark.parametrize("word", ["", "READ", "admin", "0"])
def test_any_other_word_is_no_access(word: str) -> None:
    """A word that is not one of the three is refused, not taken for `none`."""
    with pytest.raises(ValueError, match="is no access"):
        Access.of(word)
