"""The services before the gatekeepers: a registry, a relay and a projection, and owners who use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count

import aiohttp

from keyfold.local.process.child import Child
from keyfold.local.process.ports import HOST, free_ports
from keyfold.local.service_specs import Wiring, service_command
from keyfold.local.signing import Claims, LocalSigner
from keyfold.local.stack import answers_ready
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.bench.side_by_side import READY_TIMEOUT_S
from tests.bench.sides.gatekeepers import SPECS
from tests.support.ledger_builder import account_id

WRITING = ("registry", "relay", "projection")
TOKEN_TTL_S = 4 * 3600.0
NEW_KEY = {"name": "Short-lived", "permissions": {"patient": "read"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveKey:
    """A new key, and its owner's token."""

    key_id: str
    secret: str
    path: str
    token: str

    def revocation(self, *, wait_s: int | None = None) -> bytes:
        """Return the request that revokes it, and if wanted waits until that is in force everywhere."""
        prefer = "" if wait_s is None else f"Prefer: wait={wait_s}\r\n"
        head = f"DELETE {self.path} HTTP/1.1\r\nHost: registry\r\nAuthorization: Bearer {self.token}\r\n"
        return f"{head}{prefer}\r\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """The owners of this many accounts, each of whom makes a key in turn."""

    registry_port: int
    tokens: Sequence[str]
    numbers: count[int]

    async def new_keys(self, keys: int) -> list[LiveKey]:
        """Make this many keys, all at once."""
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            return await asyncio.gather(*(self._new_key(session) for _ in range(keys)))

    async def _new_key(self, session: aiohttp.ClientSession) -> LiveKey:
        number = next(self.numbers) % len(self.tokens)
        token, path = self.tokens[number], f"/v1/accounts/{account_id(number + 1)}/keys"
        url, headers = f"http://{HOST}:{self.registry_port}{path}", {"Authorization": f"Bearer {token}"}
        async with session.post(url, headers=headers, json=NEW_KEY) as answer:
            made = await answer.json()
        key_id = made["key"]["key_id"]
        return LiveKey(key_id=key_id, secret=made["secret"], path=f"{path}/{key_id}", token=token)


@asynccontextmanager
async def open_write_side(wiring: Wiring, accounts: int) -> AsyncIterator[Owners]:
    """Yield the owners of the first accounts, this many, once all three services are ready."""
    ports = dict(zip(WRITING, free_ports(len(WRITING)), strict=True))
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(start_service(name, wiring, port, stack) for name, port in ports.items()))
        signer = LocalSigner(wiring.jwks.parent)
        tokens = [_token(signer, number) for number in range(1, accounts + 1)]
        yield Owners(registry_port=ports["registry"], tokens=tokens, numbers=count())


async def start_service(name: str, wiring: Wiring, port: int, stack: AsyncExitStack) -> None:
    """Start a service, wait until it is ready, and let it be stopped with the stack."""
    child = await Child.spawn(service_command(SPECS[name], wiring, port))
    stack.push_async_callback(child.stop)
    await child.ready(lambda: answers_ready(port), timeout_s=READY_TIMEOUT_S)


def _token(signer: LocalSigner, number: int) -> str:
    owner = Claims(role="owner", sub=f"owner-{number}", account_id=account_id(number))
    return signer.sign(owner, now=SYSTEM_CLOCK.now(), ttl_s=TOKEN_TTL_S)
