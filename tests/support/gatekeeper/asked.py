"""The other ways to ask, on a real server over a practice in memory: no ledger, no broker, no process."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.state import State
from keyfold.gatekeeper.authz.policy import AuthzPolicy
from keyfold.gatekeeper.authz.policy_in_force import PolicyInForce
from keyfold.gatekeeper.authz.request.presented_keys import KeyHeaders
from keyfold.gatekeeper.authz.shadow import Shadow
from keyfold.gatekeeper.gateways import load_gateways
from keyfold.gatekeeper.replica.lease import Beat, Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.gatekeeper.routes import query_routes
from keyfold.runtime.auth.caller import Caller, Role, TokenRejected
from keyfold.runtime.health import Health
from keyfold.runtime.http import RateLimits, build_app, serve_http
from tests.support.gatekeeper.practice import ACCOUNT, SHUT_ACCOUNT, practice
from tests.support.gatekeeper.world import GATEWAYS
from tests.support.runtime.tokens import SetClock

STALENESS_MAX_S = 60.0
ROUTES = parse_route_map(
    "/v1/patient/** patient\n/v1/appointment/** appointment\n/v1/bill/** financial\nGET /v1/up public\n"
)
CALLERS = {
    "operator": Caller(role=Role.OPERATOR, sub="ada"),
    "gateway": Caller(role=Role.GATEWAY, sub="gate"),
    "vendor": Caller(role=Role.VENDOR, sub="vera", vendor_id="ven_1"),
    "owner": Caller(role=Role.OWNER, sub="otto", account_id=ACCOUNT),
    "other owner": Caller(role=Role.OWNER, sub="olga", account_id=SHUT_ACCOUNT),
}
Json = dict[str, Any]


class _NamedCallers:
    async def authenticate(self, authorization: str | None) -> Caller | TokenRejected:
        name = (authorization or "").removeprefix("Bearer ")
        return CALLERS.get(name, TokenRejected(detail="nobody's token"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A gatekeeper's own port, with everything that its answers depend on."""

    session: aiohttp.ClientSession
    url: str
    replica: Replica
    lease: Lease
    clock: SetClock

    @property
    def state(self) -> State:
        """What the gatekeeper holds."""
        assert self.replica.state is not None
        return self.replica.state

    async def post(self, path: str, body: object, who: str = "operator") -> tuple[int, Json]:
        """Send JSON as one of the callers; return the status and the answer."""
        return await self.post_bytes(path, json.dumps(body).encode(), who)

    async def post_bytes(self, path: str, body: bytes, who: str = "operator") -> tuple[int, Json]:
        """Send any bytes as a JSON body; return the status and the answer."""
        headers = {"Authorization": f"Bearer {who}", "Content-Type": "application/json"}
        data = io.BytesIO(body)
        async with self.session.post(self.url + path, data=data, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def send(self, path: str, form: bytes, headers: Mapping[str, str]) -> tuple[int, Json, Headers]:
        """Send a form; return the status, the answer and its headers."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        async with self.session.post(self.url + path, data=form, headers=sent) as response:
            return response.status, await response.json(content_type=None), dict(response.headers)

    async def get(self, path: str, who: str = "operator") -> tuple[int, Json]:
        """Read as one of the callers."""
        headers = {"Authorization": f"Bearer {who}"}
        async with self.session.get(self.url + path, headers=headers) as response:
            return response.status, await response.json(content_type=None)


Headers = dict[str, str]


def policy(directory: Path) -> AuthzPolicy:
    """Return a policy of two gateways and a small route map."""
    path = directory / "gateways.json"
    path.write_text(json.dumps(GATEWAYS))
    return AuthzPolicy(
        gateways=load_gateways(path),
        route_map=ROUTES,
        key_headers=KeyHeaders(vendor="x-api-key", subscriber="A-api-key"),
        client_ip="full",
    )


@asynccontextmanager
async def asking(
    directory: Path,
    events: Iterable[LifecycleEvent] | None = None,
    *,
    shadow: Shadow | None = None,
    is_known: bool = True,
    is_proven: bool = True,
) -> AsyncIterator[Asked]:
    """Serve what a gatekeeper answers that has applied these events, by default those of a practice.

    Without `is_known` it has loaded no state yet, without `is_proven` it has had no beat since.
    """
    clock, replica, lease = SetClock(datetime(2026, 3, 2, tzinfo=UTC)), Replica(), Lease(STALENESS_MAX_S)
    if is_known:
        state, applied = State(), list(practice() if events is None else events)
        for event in applied:
            state.fold(event)
        replica.load(state, len(applied), clock.now())
        if is_proven:
            lease.beat(Beat(began_s=clock.monotonic_s(), head=len(applied)), len(applied))
    in_force = PolicyInForce(policy(directory), clock)
    in_force.shadow = shadow
    routes = query_routes(in_force, replica, lease, clock)
    app = build_app(
        "gatekeeper",
        routes,
        auth=_NamedCallers(),
        health=Health(),
        clock=clock,
        limits=RateLimits(commands_max=0, failures_max=0),
    )
    async with (
        serve_http(app, "127.0.0.1", 0, drain_timeout_s=1) as port,
        aiohttp.ClientSession() as session,
    ):
        yield Asked(
            session=session, url=f"http://127.0.0.1:{port}", replica=replica, lease=lease, clock=clock
        )
