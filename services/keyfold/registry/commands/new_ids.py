"""Ids and secrets that nobody can guess."""

from keyfold.domain.ids import ACCOUNT_PREFIX, KEY_PREFIX, VENDOR_PREFIX, AccountId, KeyId, VendorId
from keyfold.runtime.clock import Clock
from keyfold.wire.keys.format import SECRET_BYTES, KeyKind, MintedKey, is_key_id, mint, public_id_of
from keyfold.wire.keys.invitation_code import MintedCode, mint_code

_ID_BYTES = 16


def make_account_id(clock: Clock) -> AccountId:
    """Return an account's id."""
    return AccountId(ACCOUNT_PREFIX + _make_public_id(clock))


def make_vendor_id(clock: Clock) -> VendorId:
    """Return a vendor's id."""
    return VendorId(VENDOR_PREFIX + _make_public_id(clock))


def mint_key(kind: KeyKind, clock: Clock) -> MintedKey:
    """Return a key with its secret, which is kept nowhere."""
    return mint(kind, _make_public_id(clock), clock.random_bytes(SECRET_BYTES))


def mint_secret(kind: KeyKind, key_id: KeyId, clock: Clock) -> MintedKey | None:
    """Return another secret for a key, or None where no key can have that id."""
    if not is_key_id(key_id):
        return None
    return mint(kind, key_id.removeprefix(KEY_PREFIX), clock.random_bytes(SECRET_BYTES))


def mint_invitation(clock: Clock) -> MintedCode:
    """Return an invitation's id with its code, which is kept nowhere."""
    return mint_code(_make_public_id(clock), clock.random_bytes(SECRET_BYTES))


def _make_public_id(clock: Clock) -> str:
    return public_id_of(clock.random_bytes(_ID_BYTES))
