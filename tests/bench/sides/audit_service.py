"""An audit process as benches run it, and clients that ask it over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.local.process.child import Child
from keyfold.local.process.ports import HOST, free_ports
from keyfold.local.service_specs import Wiring, service_command
from keyfold.local.signing import Claims, LocalSigner
from keyfold.local.stack import answers_ready
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.bench.ground import running
from tests.bench.sides.gatekeepers import SPECS

READY_TIMEOUT_S = 60.0
TOKEN_TTL_S = 4 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose activity is asked for, and a token of somebody who may."""

    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditService:
    """A running audit process, and the signer whose tokens it accepts."""

    child: Child
    port: int
    signer: LocalSigner

    def of_account(self, account_id: AccountId) -> Place:
        """Return the place of an account's activity."""
        claims = Claims(role="owner", sub="otto", account_id=account_id)
        return self._place(f"/v1/accounts/{account_id}/activity", claims)

    def of_key(self, account_id: AccountId, key_id: KeyId) -> Place:
        """Return the place of a key's activity."""
        claims = Claims(role="owner", sub="otto", account_id=account_id)
        return self._place(f"/v1/accounts/{account_id}/keys/{key_id}/activity", claims)

    def of_vendor(self, vendor_id: VendorId) -> Place:
        """Return the place of a vendor's activity."""
        claims = Claims(role="vendor", sub="vera", vendor_id=vendor_id)
        return self._place(f"/v1/vendors/{vendor_id}/activity", claims)

    def open_session(self) -> aiohttp.ClientSession:
        """Return a session to ask it with."""
        return aiohttp.ClientSession(f"http://{HOST}:{self.port}", raise_for_status=True)

    def _place(self, path: str, claims: Claims) -> Place:
        token = self.signer.sign(claims, now=SYSTEM_CLOCK.now(), ttl_s=TOKEN_TTL_S)
        return Place(path=path, headers={"Authorization": f"Bearer {token}"})


@asynccontextmanager
async def open_audit(wiring: Wiring, directory: Path, core: int) -> AsyncIterator[AuditService]:
    """Run the service during the block."""
    (port,) = free_ports(1)
    async with running(service_command(SPECS["audit"], wiring, port), core=core) as child:
        await child.ready(lambda: answers_ready(port), timeout_s=READY_TIMEOUT_S)
        yield AuditService(child=child, port=port, signer=LocalSigner(directory))
