"""Who asks: remembered by all three secrets together, and by nothing less."""

from collections.abc import Sequence
from itertools import product
from typing import Final

import pytest

from keyfold.gatekeeper.authz.request.callers import AuthzCallers
from keyfold.gatekeeper.authz.request.headers import Fields
from keyfold.wire.keys.format import KeyKind, mint
from tests.support.gatekeeper.heart import NGINX_TOKEN, POLICY, TOKEN

VENDORS: Final = [mint(KeyKind.VENDOR, f"V{number:011}", bytes(32)).secret for number in range(2)]
SUBSCRIBERS: Final = [mint(KeyKind.SUBSCRIBER, f"S{number:011}", bytes(32)).secret for number in range(2)]
TOKENS: Final = [TOKEN, NGINX_TOKEN, "no gateway's"]


def asked(token: str, vendor: str, subscriber: str, **further: Sequence[str]) -> Fields:
    """Return the fields of a question."""
    return {"x-gateway-token": [token], "x-api-key": [vendor], "a-api-key": [subscriber], **further}


@pytest.fixture
def callers() -> AuthzCallers:
    """Nobody has asked yet."""
    return AuthzCallers(POLICY.gateways, POLICY.key_headers)


def test_who_was_remembered_is_who_would_be_read(callers: AuthzCallers) -> None:
    """Whatever secrets come together, in whatever order: it is the caller that one without memory reads."""
    for secrets in [*product(TOKENS, VENDORS, SUBSCRIBERS)] * 2:
        anew = AuthzCallers(POLICY.gateways, POLICY.key_headers).of(asked(*secrets))
        assert callers.of(asked(*secrets)) == anew
        assert (anew is None) == (secrets[0] == "no gateway's")


def test_who_comes_again_is_not_read_again(callers: AuthzCallers) -> None:
    """The second time, the caller is the one of the first time."""
    fields = asked(TOKEN, VENDORS[0], SUBSCRIBERS[0])
    assert callers.of(fields) is callers.of(fields)


@pytest.mark.parametrize("secrets", [("", VENDORS[0]), (VENDORS[0], ""), ("kfv_live_", SUBSCRIBERS[0])])
def test_what_is_no_key_is_not_remembered(callers: AuthzCallers, secrets: tuple[str, str]) -> None:
    """Nonsense, of which there is without end, takes no place."""
    fields = asked(TOKEN, *secrets)
    assert callers.of(fields) is not callers.of(fields)


def test_a_key_that_is_there_twice_is_never_found_by_its_first(callers: AuthzCallers) -> None:
    """What was remembered of three headers says nothing of four, nor of an `Authorization` beside them."""
    fields = asked(TOKEN, VENDORS[0], SUBSCRIBERS[0])
    known = callers.of(fields)
    twice = callers.of({**fields, "x-api-key": [VENDORS[0], VENDORS[0]]})
    beside = callers.of({**fields, "authorization": [f"Keyfold {VENDORS[1]}/{SUBSCRIBERS[0]}"]})
    assert known is not None and known.keys.are_well_formed
    assert all(other is not None and not other.keys.are_well_formed for other in (twice, beside))


def test_no_secret_is_kept(callers: AuthzCallers) -> None:
    """What is remembered has the digests of the three, and their ids, and no part of a secret."""
    callers.of(asked(TOKEN, VENDORS[0], SUBSCRIBERS[0]))
    kept = repr(list(vars(callers)["_known"].items()))
    assert "key_V0000000000" in kept and "key_S0000000000" in kept
    assert not any(secret in kept for secret in (f"'{TOKEN}'", VENDORS[0][-50:], SUBSCRIBERS[0][-50:]))


def test_how_many_are_remembered_is_bounded() -> None:
    """Past the bound it begins anew."""
    callers = AuthzCallers(POLICY.gateways, POLICY.key_headers, remembered_max=2)
    for vendor, subscriber in product(VENDORS, SUBSCRIBERS):
        callers.of(asked(TOKEN, vendor, subscriber))
    assert len(vars(callers)["_known"]) == 2
