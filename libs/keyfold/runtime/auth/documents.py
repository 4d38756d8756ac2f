"""Documents of an identity provider, fetched so that neither their size nor a detour can do harm."""

from typing import Final

import aiohttp

from keyfold.runtime.failure import TryLater

_FETCH_TIMEOUT_S: Final = 5.0
_DOCUMENT_BYTES_MAX: Final = 256 * 1024


async def fetch_document(url: str) -> bytes:
    """Return the document at an address. Raises ``TryLater`` if it cannot be read, or is too long."""
    try:
        return await _fetch(url)
    except (TimeoutError, aiohttp.ClientError) as away:
        raise TryLater(f"{url} cannot be read: {away or type(away).__name__}") from away


async def _fetch(url: str) -> bytes:
    # A redirect could lead from https to http, where it can be swapped; what is compressed could grow here.
    async with (
        aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_FETCH_TIMEOUT_S),
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
        ) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        if response.status != 200:
            raise TryLater(f"{url} cannot be read: the answer's status is {response.status}")
        document = bytearray()
        async for chunk in response.content.iter_any():
            document += chunk
            if len(document) > _DOCUMENT_BYTES_MAX:
                raise TryLater(f"{url} is longer than {_DOCUMENT_BYTES_MAX} bytes")
        return bytes(document)
