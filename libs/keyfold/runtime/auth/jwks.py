"""The keys that sign bearer tokens, read from a file or a URL, and kept while it cannot be read."""

import asyncio
import codecs
from pathlib import Path
from typing import Final

import aiohttp
import orjson
import structlog
from jwt import PyJWK, PyJWTError

from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater

ALGORITHMS: Final = frozenset({"RS256", "ES256", "EdDSA"})
_MAX_AGE_S: Final = 300.0
_REFETCH_INTERVAL_MIN_S: Final = 10.0
_FETCH_TIMEOUT_S: Final = 5.0
_DOCUMENT_BYTES_MAX: Final = 256 * 1024

log = structlog.get_logger(__name__)


class Jwks:
    """Public keys by their ``kid``.

    An unknown ``kid`` causes a refetch, at most one in ten seconds. Keys older than five minutes are
    refetched in the background, so that a withdrawn key does not live for ever.
    """

    def __init__(self, source: str, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._tried_at_s = float("-inf")
        self._turn = asyncio.Lock()
        self._refresh: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Read the keys. Raises ``TryLater``, and keeps the known ones, if they cannot be read."""
        self._tried_at_s = self._clock.monotonic_s()
        document = await _read_source(self._source)
        try:
            self._keys = read_keys(document)
        except ValueError as broken:
            raise TryLater(f"the JWKS at {self._source}: {broken}") from None

    async def key(self, kid: str) -> PyJWK | None:
        """Return the key of that id, or None if the source does not have it either."""
        if kid not in self._keys:
            await self._reload(_REFETCH_INTERVAL_MIN_S)
        elif self._age_s() > _MAX_AGE_S and (self._refresh is None or self._refresh.done()):
            self._refresh = asyncio.create_task(self._reload(_MAX_AGE_S), name="jwks refresh")
        return self._keys.get(kid)

    async def wait_for_refresh(self) -> None:
        """Return when a refresh in the background is done, at once if there is none."""
        if self._refresh is not None:
            await self._refresh

    def _age_s(self) -> float:
        return self._clock.monotonic_s() - self._tried_at_s

    async def _reload(self, interval_min_s: float) -> None:
        async with self._turn:
            if self._age_s() < interval_min_s:
                return
            try:
                await self.load()
            except TryLater as away:
                log.warning("jwks_away", source=self._source, error=str(away), kept=len(self._keys))


async def _read_source(source: str) -> bytes:
    try:
        if source.startswith(("https://", "http://")):
            return await _fetch(source)
        return await asyncio.to_thread(Path(source).read_bytes)
    except (OSError, aiohttp.ClientError) as away:
        raise TryLater(f"the JWKS at {source} cannot be read: {away or type(away).__name__}") from away


async def _fetch(url: str) -> bytes:
    timeout = aiohttp.ClientTimeout(total=_FETCH_TIMEOUT_S)
    # A redirect could lead from https to http, where keys can be swapped.
    async with (
        aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        document = bytearray()
        async for chunk in response.content.iter_any():
            document += chunk
            if len(document) > _DOCUMENT_BYTES_MAX:
                raise TryLater(f"the JWKS at {url} is longer than {_DOCUMENT_BYTES_MAX} bytes")
        return bytes(document)


def read_keys(document: bytes) -> dict[str, PyJWK]:
    """Return the keys of a JWKS that may sign tokens, by their ``kid``. Raises ValueError if it has none."""
    try:
        members = orjson.loads(document.removeprefix(codecs.BOM_UTF8))["keys"]
        found = [_usable_key(member) for member in members if isinstance(member, dict)]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ValueError('it is not a JWKS, a JSON object with a list "keys"') from None
    keys = {
        key.key_id: key for key in found if key is not None and isinstance(key.key_id, str) and key.key_id
    }
    if not keys:
        raise ValueError(f"it names no signing key with a kid and one of {', '.join(sorted(ALGORITHMS))}")
    return keys


def _usable_key(member: dict[str, object]) -> PyJWK | None:
    try:
        key = PyJWK(member)
    except PyJWTError:
        return None
    # A symmetric key in a public document would let every reader sign.
    weak = key.algorithm_name not in ALGORITHMS or key.Algorithm.check_key_length(key.key)
    return None if weak or key.public_key_use == "enc" else key
