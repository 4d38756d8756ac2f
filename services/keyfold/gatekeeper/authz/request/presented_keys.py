"""The two keys that a request presents, in their own headers or in one Authorization header."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from keyfold.domain.access.key_proof import MALFORMED, Credential, Presented
from keyfold.gatekeeper.authz.request.headers import Fields
from keyfold.wire.keys.format import KeyKind, read_key

SCHEME: Final = "keyfold"
AUTHORIZATION: Final = "authorization"


class KeyHeaders(NamedTuple):
    """The names of the headers that carry the keys."""

    vendor: str
    subscriber: str


class PresentedKeys(Struct, frozen=True, gc=False):
    """The keys of a request; `in_authorization` says that `Authorization` carried keys."""

    vendor: Presented
    subscriber: Presented
    in_authorization: bool

    @property
    def are_well_formed(self) -> bool:
        """Whether both have the form of a key, known or not."""
        return isinstance(self.vendor, Credential) and isinstance(self.subscriber, Credential)


def read_presented_keys(names: KeyHeaders, fields: Fields) -> PresentedKeys:
    """Read both keys; `names` are lower-cased.

    A key that is there twice, or differs between its two places, is malformed.
    """
    vendor, subscriber = fields.get(names.vendor, ()), fields.get(names.subscriber, ())
    if AUTHORIZATION not in fields:
        return _read(vendor, subscriber, in_authorization=False)
    authorization = [value for value in fields[AUTHORIZATION] if _is_ours(value)]
    if not authorization:
        return _read(vendor, subscriber, in_authorization=False)
    pair = authorization[0].partition(" ")[2].strip().split("/") if len(authorization) == 1 else []
    # A single key is malformed as the other kind, and may still be proven as its own.
    pair = pair * 2 if len(pair) == 1 else pair
    if len(pair) != 2:
        return PresentedKeys(vendor=MALFORMED, subscriber=MALFORMED, in_authorization=True)
    return _read(_merge(vendor, pair[0]), _merge(subscriber, pair[1]), in_authorization=True)


def _is_ours(authorization: str) -> bool:
    return authorization.partition(" ")[0].lower() == SCHEME


def _merge(in_header: Sequence[str], in_authorization: str) -> Sequence[str]:
    # The same key in both places is one key: an upstream reads the same from either.
    return [in_authorization] if not in_header else [*in_header, *{in_authorization}.difference(in_header)]


def _read(vendor: Sequence[str], subscriber: Sequence[str], *, in_authorization: bool) -> PresentedKeys:
    return PresentedKeys(
        _read_one(KeyKind.VENDOR, vendor), _read_one(KeyKind.SUBSCRIBER, subscriber), in_authorization
    )


def _read_one(kind: KeyKind, values: Sequence[str]) -> Presented:
    if len(values) == 1:
        return read_key(kind, values[0])
    return MALFORMED if values else None
