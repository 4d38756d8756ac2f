"""The keys that sign bearer tokens, read from a file or a URL, and believed for a bounded time after."""

import asyncio
import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson
import structlog
from jwt import PyJWK, PyJWTError

from keyfold.runtime.auth.documents import fetch_document
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater

ALGORITHM_OF: Final[Mapping[tuple[object, object], str]] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
"""Which algorithm a key is for, by its `kty` and `crv`: one each, whatever else a token may ask for."""
ALGORITHMS: Final = frozenset(ALGORITHM_OF.values())
AGE_MAX_S: Final = 3600.0
"""How long keys are believed after they were read, unless a setting says otherwise."""

_REFRESH_S: Final = 300.0
_REFETCH_INTERVAL_MIN_S: Final = 10.0
_PRIVATE_PART: Final = "d"

log = structlog.get_logger(__name__)


class KeysTooOld(TryLater):
    """The keys that sign tokens could not be read for so long that none is believed any more."""


class Jwks:
    """Public keys by their ``kid``, as the source had them when it was last read.

    An unknown ``kid`` causes a new read, at most one in ten seconds. Keys older than five minutes are read
    anew in the background, so that a withdrawn one is dropped. Without a read for ``age_max_s`` none is
    believed: somebody who keeps the source away must not keep a withdrawn key alive.
    """

    def __init__(self, source: str, clock: Clock, *, age_max_s: float = AGE_MAX_S) -> None:
        self._source = source
        self._clock = clock
        self._age_max_s = age_max_s
        self._refresh_s = min(_REFRESH_S, age_max_s / 2)
        self._keys: dict[str, PyJWK] = {}
        self._tried_at_s = self._read_at_s = float("-inf")
        self._turn = asyncio.Lock()
        self._refresh: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Read the keys. What a JWKS does not have is forgotten, all keys if it has none.

        Raises ``TryLater`` if it cannot be read, which keeps the known keys, or if it has none.
        """
        self._tried_at_s = self._clock.monotonic_s()
        document = await _read_source(self._source)
        try:
            keys = read_keys(document)
        except ValueError as broken:
            raise TryLater(f"the JWKS at {self._source}: {broken}") from None
        if self._keys and self._keys.keys() != keys.keys():
            withdrawn, added = self._keys.keys() - keys.keys(), keys.keys() - self._keys.keys()
            log.info("jwks_changed", withdrawn=sorted(withdrawn), added=sorted(added))
        self._keys, self._read_at_s = keys, self._tried_at_s
        if not keys:
            raise TryLater(f"the JWKS at {self._source}: {_NO_KEYS}")

    async def key(self, kid: str) -> PyJWK | None:
        """Return the key of that id, or None if the source does not have it either. Raises ``KeysTooOld``."""
        if kid not in self._keys or self._is_too_old():
            await self._reload(_REFETCH_INTERVAL_MIN_S)
        elif self._since_s(self._tried_at_s) > self._refresh_s and (
            self._refresh is None or self._refresh.done()
        ):
            self._refresh = asyncio.create_task(self._reload(self._refresh_s), name="jwks refresh")
        if self._is_too_old():
            raise KeysTooOld(self._say_too_old())
        return self._keys.get(kid)

    async def watch(self) -> None:
        """Read the keys anew every five minutes, or every ten seconds while that fails, for ever."""
        while True:
            is_read = self._read_at_s == self._tried_at_s and self._keys
            await asyncio.sleep(self._refresh_s if is_read else _REFETCH_INTERVAL_MIN_S)
            await self._reload(0)

    def check(self) -> str | None:
        """Return why no token can be believed; a readiness check."""
        if self._is_too_old():
            return self._say_too_old()
        return None if self._keys else f"the JWKS at {self._source}: {_NO_KEYS}"

    def age_s(self) -> float:
        """Return how long ago the keys were last read, in seconds; infinite if they never were."""
        return self._since_s(self._read_at_s)

    async def wait_for_refresh(self) -> None:
        """Return when a refresh in the background is done, at once if there is none."""
        if self._refresh is not None:
            await self._refresh

    def _since_s(self, at_s: float) -> float:
        return self._clock.monotonic_s() - at_s

    def _is_too_old(self) -> bool:
        return self.age_s() > self._age_max_s

    def _say_too_old(self) -> str:
        return f"the JWKS at {self._source} could not be read for more than {self._age_max_s:g} s"

    async def _reload(self, interval_min_s: float) -> None:
        async with self._turn:
            if self._since_s(self._tried_at_s) < interval_min_s:
                return
            try:
                await self.load()
            except TryLater as away:
                log.warning("jwks_away", source=self._source, error=str(away), kept=len(self._keys))


async def _read_source(source: str) -> bytes:
    if source.startswith(("https://", "http://")):
        return await fetch_document(source)
    try:
        return await asyncio.to_thread(Path(source).read_bytes)
    except OSError as away:
        raise TryLater(f"the JWKS at {source} cannot be read: {away}") from away


_NO_KEYS: Final = f"it names no signing key with a kid and one of {', '.join(sorted(ALGORITHMS))}"


def read_keys(document: bytes) -> dict[str, PyJWK]:
    """Return the keys of a JWKS that may sign tokens, by their ``kid``. Raises ValueError if it is none."""
    try:
        members = orjson.loads(document.removeprefix(codecs.BOM_UTF8))["keys"]
        if not isinstance(members, list):
            raise TypeError
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ValueError('it is not a JWKS, a JSON object with a list "keys"') from None
    found = (_usable_key(member) for member in members if isinstance(member, dict))
    return {key.key_id: key for key in found if key is not None and key.key_id is not None}


def require_keys(document: bytes) -> dict[str, PyJWK]:
    """Return the same. Raises ValueError if there is none, too."""
    keys = read_keys(document)
    if not keys:
        raise ValueError(_NO_KEYS)
    return keys


def _usable_key(member: dict[str, object]) -> PyJWK | None:
    algorithm = _algorithm_of(member)
    if algorithm is None or not _may_verify(member):
        return None
    try:
        key = PyJWK(member, algorithm)
    except PyJWTError:
        return None
    # A private key in a public document would let every reader sign, and one that is short lets anybody.
    is_weak = _PRIVATE_PART in member or key.Algorithm.check_key_length(key.key)
    return None if is_weak or not isinstance(key.key_id, str) or not key.key_id else key


def _algorithm_of(member: Mapping[str, object]) -> str | None:
    """Return the algorithm that a key is for, None for another than ours, or where its members disagree."""
    kind = (member.get("kty"), member.get("crv") if member.get("kty") != "RSA" else None)
    algorithm = next((each for known, each in ALGORITHM_OF.items() if known == kind), None)
    return algorithm if member.get("alg") in (None, algorithm) else None


def _may_verify(member: Mapping[str, object]) -> bool:
    """Tell whether a key is for signatures, by its `use` and its `key_ops` (RFC 7517, 4.2 and 4.3)."""
    key_ops = member.get("key_ops", ["verify"])
    return member.get("use", "sig") == "sig" and isinstance(key_ops, list) and "verify" in key_ops
