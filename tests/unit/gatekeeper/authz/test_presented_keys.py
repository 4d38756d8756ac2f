"""The two keys, wherever a request carries them."""

import pytest

from keyfold.domain.access.key_proof import MALFORMED, Credential
from keyfold.gatekeeper.authz.request.presented_keys import KeyHeaders, PresentedKeys, read_presented_keys
from keyfold.wire.keys.format import KeyKind, mint
from tests.support.gatekeeper.heart import fields_of

NAMES = KeyHeaders(vendor="x-api-key", subscriber="a-api-key")
VENDOR = mint(KeyKind.VENDOR, "V" * 12, bytes(32)).secret
SUBSCRIBER = mint(KeyKind.SUBSCRIBER, "S" * 12, bytes(32)).secret
OTHER = mint(KeyKind.SUBSCRIBER, "T" * 12, bytes(32)).secret


def read_keys(*headers: tuple[str, str]) -> PresentedKeys:
    """Read the keys of a request with these headers."""
    return read_presented_keys(NAMES, fields_of(*headers))


def test_each_key_has_its_header() -> None:
    """Both keys are read from their own headers, whatever the case of the names."""
    keys = read_keys(("X-API-KEY", VENDOR), ("a-api-key", SUBSCRIBER))
    assert isinstance(keys.vendor, Credential) and keys.vendor.key_id == "key_" + "V" * 12
    assert isinstance(keys.subscriber, Credential) and keys.subscriber.key_id == "key_" + "S" * 12
    assert not keys.in_authorization


def test_both_keys_may_come_in_one_authorization() -> None:
    """`Authorization: Keyfold <vendor>/<subscriber>` carries both, for gateways that forward only that."""
    keys = read_keys(("Authorization", f"Keyfold {VENDOR}/{SUBSCRIBER}"))
    assert isinstance(keys.vendor, Credential) and isinstance(keys.subscriber, Credential)
    assert keys.in_authorization


def test_the_same_key_in_both_places_is_one_key() -> None:
    """Two places that agree contradict nothing."""
    keys = read_keys(("Authorization", f"keyfold {VENDOR}/{SUBSCRIBER}"), ("A-api-key", SUBSCRIBER))
    assert isinstance(keys.vendor, Credential) and isinstance(keys.subscriber, Credential)


def test_two_places_that_contradict_each_other_are_malformed() -> None:
    """Which of two different keys an upstream would believe cannot be known."""
    keys = read_keys(("Authorization", f"Keyfold {VENDOR}/{SUBSCRIBER}"), ("A-api-key", OTHER))
    assert keys.subscriber is MALFORMED


@pytest.mark.parametrize("second", [SUBSCRIBER, OTHER, ""])
def test_a_key_header_that_is_there_twice_is_malformed(second: str) -> None:
    """A second copy is malformed, even an equal one."""
    assert read_keys(("A-api-key", SUBSCRIBER), ("A-api-key", second)).subscriber is MALFORMED


@pytest.mark.parametrize("pair", ["", f"{VENDOR}/{SUBSCRIBER}/x", f"{VENDOR} {SUBSCRIBER}"])
def test_an_authorization_that_is_no_pair_is_malformed(pair: str) -> None:
    """Our scheme with anything but two keys and a slash between them is malformed."""
    keys = read_keys(("Authorization", f"Keyfold {pair}"))
    assert (keys.vendor, keys.subscriber) == (MALFORMED, MALFORMED)


def test_one_key_alone_in_authorization_may_be_proven() -> None:
    """A developer that left the other key out is told so, and its own request is found where it looks."""
    of_vendor = read_keys(("Authorization", f"Keyfold {VENDOR}"))
    assert isinstance(of_vendor.vendor, Credential) and of_vendor.subscriber is MALFORMED
    of_practice = read_keys(("Authorization", f"Keyfold {SUBSCRIBER}"))
    assert isinstance(of_practice.subscriber, Credential) and of_practice.vendor is MALFORMED


def test_two_authorizations_are_malformed() -> None:
    """Our scheme twice is malformed, even with the same keys."""
    pair = ("Authorization", f"Keyfold {VENDOR}/{SUBSCRIBER}")
    assert read_keys(pair, pair).vendor is MALFORMED


def test_another_scheme_is_of_no_concern() -> None:
    """What the upstream does with its own Authorization is not our matter."""
    keys = read_keys(("Authorization", "Bearer x/y"))
    assert (keys.vendor, keys.subscriber, keys.in_authorization) == (None, None, False)


@pytest.mark.parametrize("text", ["", "\udcff\udcfe", VENDOR, SUBSCRIBER[:-1], SUBSCRIBER + "x", "é" * 70])
def test_what_is_no_subscriber_key_is_malformed(text: str) -> None:
    """A swapped key, a lost character, bytes that are no text: malformed, and nothing is looked up."""
    assert read_keys(("A-api-key", text)).subscriber is MALFORMED
