"""Token introspection (RFC 7662): what a gateway learns of two keys, and what it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyPermissionsChanged
from keyfold.domain.permissions import Access, Category, Permissions
from keyfold.wire.keys.format import KeyKind, MintedKey
from tests.support.gatekeeper.asked import Asked, Headers, Json, asking
from tests.support.gatekeeper.practice import (
    ACCOUNT,
    AT,
    EXPIRED_KEY,
    KEY,
    NAMED_KEY,
    NETWORKED_KEY,
    OTHER_VENDOR_KEY,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    SHUT_KEY,
    SUSPENDED_VENDOR_KEY,
    UNKNOWN_KEY,
    UNKNOWN_VENDOR_KEY,
    VENDOR,
    VENDOR_KEY,
    mint_again,
    mint_key,
    practice,
    rotated,
    subscriber_key,
    vendor_rotated,
)
from tests.support.gatekeeper.world import CADDY_TOKEN, NGINX_TOKEN

GATE: Headers = {"X-Gateway-Token": CADDY_TOKEN}
PATH = "/v1/introspect"


def token(vendor: MintedKey = VENDOR_KEY, key: MintedKey = KEY) -> str:
    """Write two keys as a token."""
    return f"{vendor.secret}/{key.secret}"


async def introspect(asked: Asked, given: str, **parameters: str) -> Json:
    """Return the introspection of a token."""
    form = urlencode({"token": given, **parameters}).encode()
    status, answer, headers = await asked.send(PATH, form, GATE)
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    return answer


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    """A gatekeeper of a practice."""
    async with asking(tmp_path) as asked:
        yield asked


async def test_keys_that_work(asked: Asked) -> None:
    """The account is the subject, the vendor the client, and the permissions are the scope."""
    assert await introspect(asked, token()) == {
        "active": True,
        "scope": "appointment:read patient:write",
        "sub": ACCOUNT,
        "client_id": VENDOR,
        "jti": KEY.key_id,
        "token_type": "Keyfold",
    }


@pytest.mark.parametrize(
    "given",
    [
        token(UNKNOWN_VENDOR_KEY),
        token(key=UNKNOWN_KEY),
        token(REVOKED_VENDOR_KEY),
        token(SUSPENDED_VENDOR_KEY),
        token(key=REVOKED_KEY),
        token(key=EXPIRED_KEY),
        token(key=SHUT_KEY),
        token(key=NAMED_KEY),
        token(key=NETWORKED_KEY),
        token(replace(VENDOR_KEY, secret=KEY.secret), replace(KEY, secret=VENDOR_KEY.secret)),
        VENDOR_KEY.secret,
        KEY.secret,
        "/",
        f"{VENDOR_KEY.secret}/",
        f"/{KEY.secret}",
        f"{token()}/{KEY.secret}",
        f"{token()} ",
        f"{VENDOR_KEY.key_id}/{KEY.key_id}",
        token(VENDOR_KEY, replace(mint_key(KeyKind.SUBSCRIBER, 99), secret=KEY.secret[:-1] + "x")),
        "ключ/ключ",
    ],
)
async def test_whatever_does_not_work_is_inactive_and_no_more(asked: Asked, given: str) -> None:
    """Keys that do not work, for any reason, are inactive, and nothing else is said of them."""
    assert await introspect(asked, given) == {"active": False}


async def test_from_an_address(asked: Asked) -> None:
    """A key that works only from some networks is active for an address within them."""
    given = token(key=NETWORKED_KEY)
    assert (await introspect(asked, given, client_ip="203.0.113.9"))["active"] is True
    assert (await introspect(asked, given, client_ip="198.51.100.1"))["active"] is False


async def test_the_end_that_is_known(tmp_path: Path) -> None:
    """`exp` is when the first of the keys or secrets presented stops by itself."""
    old, plain = mint_key(KeyKind.SUBSCRIBER, 41), mint_key(KeyKind.SUBSCRIBER, 42)
    new = mint_again(KeyKind.SUBSCRIBER, old)
    expires_at, overlap = AT + timedelta(days=9, microseconds=5), AT + timedelta(days=4)
    later = AT + timedelta(days=6)
    events = (
        *practice(),
        subscriber_key(old, expires_at=expires_at),
        subscriber_key(plain, expires_at=expires_at),
        rotated(new, overlap_ends_at=later),
        vendor_rotated(mint_again(KeyKind.VENDOR, VENDOR_KEY), overlap_ends_at=overlap),
    )
    async with asking(tmp_path, events) as asked:
        assert (await introspect(asked, token(VENDOR_KEY, old)))["exp"] == overlap.timestamp()
        assert (await introspect(asked, token(OTHER_VENDOR_KEY, old)))["exp"] == later.timestamp()
        assert (await introspect(asked, token(OTHER_VENDOR_KEY, new)))["exp"] == int(expires_at.timestamp())
        assert (await introspect(asked, token(OTHER_VENDOR_KEY, plain)))["exp"] == int(expires_at.timestamp())
        assert "exp" not in await introspect(asked, token(VENDOR_KEY, NETWORKED_KEY), client_ip="1.1.1.1")
        asked.clock.at = overlap
        assert (await introspect(asked, token(VENDOR_KEY, old))) == {"active": False}


async def test_the_scope_is_what_is_granted(tmp_path: Path) -> None:
    """A key without any permission is active, with an empty scope."""
    changed = SubscriberKeyPermissionsChanged(
        key_id=KEY.key_id, account_id=ACCOUNT, permissions=Permissions.of({Category.FILES: Access.NONE})
    )
    async with asking(tmp_path, (*practice(), changed)) as asked:
        answer = await introspect(asked, token())
        assert (answer["active"], answer["scope"]) == (True, "")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Gateway-Token": NGINX_TOKEN}, 200),
        ({"Authorization": "Bearer gateway"}, 200),
        ({"Authorization": "Bearer operator"}, 403),
        ({"Authorization": "Bearer owner"}, 403),
        ({"Authorization": "Bearer nobody"}, 401),
        ({}, 401),
        ({"X-Gateway-Token": "nobody's"}, 401),
        ({"X-Gateway-Token": ""}, 401),
        ({"X-Gateway-Token": "nobody's", "Authorization": "Bearer gateway"}, 401),
    ],
)
async def test_only_gateways_may_ask(asked: Asked, headers: Headers, status: int) -> None:
    """Gateways use their own token or a bearer token of their role; a wrong token fails despite the other."""
    found, answer, _ = await asked.send(PATH, urlencode({"token": token()}).encode(), headers)
    assert found == status
    assert ("active" in answer) == (status == 200)


async def test_parameters_as_oauth_sends_them(asked: Asked) -> None:
    """A hint is accepted and unknown parameters are ignored, as RFC 6749 requires."""
    assert (await introspect(asked, token(), token_type_hint="access_token", realm="x"))["active"] is True


@pytest.mark.parametrize(
    ("form", "status"),
    [
        (b"", 422),
        (b"token=", 422),
        (b"token=a&token=b", 422),
        (b"token=" + b"a" * 1025, 422),
        (b"token=a&client_ip=here", 422),
        (b"token=%ff", 400),
        (b"token=%00", 422),
        (b"token", 400),
        (b"\xff", 400),
        (b"&".join([b"a=b"] * 40), 400),
        (b"token=" + b"a" * 70_000, 413),
    ],
)
async def test_forms_that_cannot_be_read(asked: Asked, form: bytes, status: int) -> None:
    """A bad form, or one without exactly one token, is refused without being repeated."""
    assert (await asked.send(PATH, form, GATE))[0] == status


async def test_json_is_no_form(asked: Asked) -> None:
    """The body of an introspection must be a form, as the standard says."""
    headers = {**GATE, "Content-Type": "application/json"}
    assert (await asked.send(PATH, b'{"token": "x"}', headers))[0] == 415


async def test_without_a_lease_nothing_is_told(asked: Asked, tmp_path: Path) -> None:
    """A gatekeeper that may have missed a revocation answers 503, neither active nor inactive."""
    asked.clock.seconds += 61
    form = urlencode({"token": token()}).encode()
    status, answer, headers = await asked.send(PATH, form, GATE)
    assert (status, headers["Retry-After"], "active" in answer) == (503, "1", False)
    async with asking(tmp_path, is_known=False) as ignorant:
        assert (await ignorant.send(PATH, form, GATE))[0] == 503


async def test_no_key_is_logged(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither an answer nor a refusal puts any part of the keys into the log."""
    await introspect(asked, token())
    await asked.send(PATH, b"token=" + token().encode() + b"&token=" + token().encode(), GATE)
    await asked.send(PATH, token().encode(), GATE)
    logged = capsys.readouterr()
    assert "/v1/introspect" in logged.out + logged.err
    for secret in (VENDOR_KEY.secret, KEY.secret):
        assert secret[21:40] not in logged.out + logged.err
