"""Which gateway asks, about which keys: three secrets, read once for all questions with the same three."""

from hashlib import sha256
from typing import Final

from msgspec import Struct

from keyfold.gatekeeper.authz.request.headers import Fields
from keyfold.gatekeeper.authz.request.presented_keys import (
    AUTHORIZATION,
    KeyHeaders,
    PresentedKeys,
    read_presented_keys,
)
from keyfold.gatekeeper.gateways import TOKEN_FIELD, Gateway, Gateways

REMEMBERED_MAX: Final = 65_536
"""How many callers are remembered, at about 500 bytes each; beyond that all are forgotten."""


class AuthzCaller(Struct, frozen=True, gc=False):
    """The gateway that asks, and the keys of the request it asks about."""

    gateway: Gateway
    keys: PresentedKeys


class AuthzCallers:
    """Finds out who asks. It never remembers whether keys work: each decision judges that anew.

    What was read is remembered under one digest of all three secrets, which only a caller with all three can
    produce; the secrets themselves are not kept.
    """

    def __init__(
        self, gateways: Gateways, names: KeyHeaders, *, remembered_max: int = REMEMBERED_MAX
    ) -> None:
        self._gateways = gateways
        self._remembered_max = remembered_max
        self._names = KeyHeaders(vendor=names.vendor.lower(), subscriber=names.subscriber.lower())
        self._known: dict[bytes, AuthzCaller] = {}

    def of(self, fields: Fields) -> AuthzCaller | None:
        """Return who asks, or None if it is no gateway."""
        digest = self._digest(fields)
        caller = None if digest is None else self._known.get(digest)
        if caller is None:
            caller = self._read(fields)
            if caller is not None and digest is not None and caller.keys.are_well_formed:
                self._remember(digest, caller)
        return caller

    def _digest(self, fields: Fields) -> bytes | None:
        """Return the digest of the three secrets, or None if they are not in three headers."""
        vendor_keys, subscriber_keys = (
            fields.get(self._names.vendor, ()),
            fields.get(self._names.subscriber, ()),
        )
        tokens = fields.get(TOKEN_FIELD, ())
        if AUTHORIZATION in fields or not len(tokens) == len(vendor_keys) == len(subscriber_keys) == 1:
            return None
        secrets = f"{tokens[0]}\n{vendor_keys[0]}\n{subscriber_keys[0]}"
        return sha256(secrets.encode("utf-8", "surrogateescape")).digest()

    def _read(self, fields: Fields) -> AuthzCaller | None:
        gateway = self._gateways.find(fields.get(TOKEN_FIELD, ()))
        if gateway is None:
            return None
        return AuthzCaller(gateway, read_presented_keys(self._names, fields))

    def _remember(self, digest: bytes, caller: AuthzCaller) -> None:
        if len(self._known) >= self._remembered_max:
            self._known.clear()
        self._known[digest] = caller
