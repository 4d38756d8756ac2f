"""A registry that listens, a projection's fold beside it, and callers of every role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDict

from keyfold.registry.commands.execution import RECORDS_MAX, Commands
from keyfold.registry.commands.http import Enforces
from keyfold.registry.ledger.signing_means import NO_CHECKPOINT_MEANS, CheckpointMeans
from keyfold.registry.routes import CommandPolicy, registry_routes
from keyfold.runtime.auth.caller import Caller, Role, TokenRejected
from keyfold.runtime.authenticator import Authenticator
from keyfold.runtime.clock import SYSTEM_CLOCK, Clock
from keyfold.runtime.health import Health
from keyfold.runtime.http import build_app, serve_http
from keyfold.store.enforcement.positions import Enforcement
from keyfold.store.ledger.append import LEDGER_CHANNEL, Ledger
from keyfold.store.ledger.sealing import HeadSealer
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.store.postgres.notifications import Notifications
from keyfold.store.read_model.generations import open_generations
from keyfold.store.read_model.reader import PROJECTION_CHANNEL, ReadModel
from keyfold.store.read_model.writer import ReadModelWriter, Step
from keyfold.wire.events.chain import Head, understand
from keyfold.wire.proof.seal import SealRing
from tests.support.seals import RING, ledger_on
from tests.support.state_secret import STATE_SECRET

OPERATOR = Caller(role=Role.OPERATOR, sub="olivia")
REVIEWER = Caller(role=Role.REVIEWER, sub="rex")
APPLICANT = Caller(role=Role.VENDOR, sub="vera")
GATEWAY = Caller(role=Role.GATEWAY, sub="gate")
SECRET = b"thirty-two characters or more of it"
YEAR = timedelta(days=365)
FOLD_ROWS_MAX = 1000
FOLD_POLL_S = 0.2


def owner(account_id: str) -> Caller:
    """Return the owner of an account."""
    return Caller(role=Role.OWNER, sub="otto", account_id=account_id)


def vendor(vendor_id: str) -> Caller:
    """Return a vendor as the caller of its own requests."""
    return Caller(role=Role.VENDOR, sub="vera", vendor_id=vendor_id)


class SpokenFor:
    """Accepts whom a token names outright: real tokens have their own tests."""

    async def authenticate(self, authorization: str | None) -> Caller | TokenRejected:
        """Return whom the token names."""
        words = (authorization or "").removeprefix("Bearer ").split("|")
        if len(words) != 4:
            return TokenRejected(detail="nobody's token")
        role, sub, account_id, vendor_id = words
        return Caller(
            role=Role(role),
            sub=sub,
            account_id=account_id or None,
            vendor_id=vendor_id or None,
            issuer="https://issuer.test",
        )


def _token(caller: Caller) -> str:
    return f"Bearer {caller.role}|{caller.sub}|{caller.account_id or ''}|{caller.vendor_id or ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the registry answered."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def slug(self) -> str:
        """The kind of its problem."""
        return str(self.body["type"]).rpartition(":")[2]

    @property
    def pointers(self) -> list[str]:
        """Where the request's faults are."""
        return [each["pointer"] for each in self.body["errors"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Calls the registry under test."""

    session: aiohttp.ClientSession
    ledger: Ledger

    async def ask(
        self,
        caller: Caller | str,
        method: str,
        path: str,
        body: object = None,
        **headers: str | tuple[str, ...],
    ) -> Answered:
        """Send a request; `If_Match="…"` becomes the header If-Match, several values as many of its lines.

        A `caller` that is a text is the bearer token itself.
        """
        sent = CIMultiDict[str]()
        for name, value in headers.items():
            for line in (value,) if isinstance(value, str) else value:
                sent.add(name.replace("_", "-"), line)
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else orjson.dumps(body)
            sent["Content-Type"] = "application/json"
        sent["Authorization"] = f"Bearer {caller}" if isinstance(caller, str) else _token(caller)
        async with self.session.request(method, path, data=data, headers=sent) as response:
            read = await response.read()
            return Answered(
                status=response.status, headers=response.headers, body=orjson.loads(read) if read else None
            )

    async def account(self, name: str = "Practice") -> str:
        """Open an account and return its id."""
        return str((await self.ask(OPERATOR, "POST", "/v1/accounts", {"name": name})).body["account_id"])

    async def key(self, account_id: str, **fields: object) -> dict[str, Any]:
        """Make a subscriber key and return it."""
        body = {"name": "Recalls", "permissions": {}, **fields}
        made = await self.ask(owner(account_id), "POST", f"/v1/accounts/{account_id}/keys", body)
        assert made.status == 201, made.body
        return dict(made.body["key"])

    async def applied_vendor(self, name: str = "Recall Robots", sub: str = APPLICANT.sub) -> str:
        """Apply as a vendor, once for each subject; return its id."""
        body = {
            "name": name,
            "contact_email": "hello@recall.example",
            "website": "https://recall.example",
            "intended_use": "Reminds patients\nof appointments.",
            "categories": ["appointment", "patient"],
        }
        made = await self.ask(Caller(role=Role.VENDOR, sub=sub), "POST", "/v1/vendors", body)
        assert made.status == 201, made.body
        return str(made.body["vendor_id"])

    async def approved_vendor(self, name: str = "Recall Robots", sub: str = APPLICANT.sub) -> str:
        """Return the id of a vendor that applied, passed both reviews and was approved."""
        vendor_id = await self.applied_vendor(name, sub)
        for kind in ("security", "compliance"):
            review = {"kind": kind, "verdict": "pass", "notes": "between us: fine"}
            await self.ask(REVIEWER, "POST", f"/v1/vendors/{vendor_id}/reviews", review)
        approved = await self.ask(REVIEWER, "POST", f"/v1/vendors/{vendor_id}/approve")
        assert approved.body["state"] == "approved", approved.body
        return vendor_id


@asynccontextmanager
async def serving(
    database: str,
    *,
    clock: Clock = SYSTEM_CLOCK,
    reviews_valid_for: timedelta = YEAR,
    auth: Authenticator | None = None,
) -> AsyncIterator[Registry]:
    """Serve the registry of a database, with an up-to-date read model."""
    async with (
        open_pool(database, application_name="fold") as pool,
        folding(database, pool),
        instance(database, clock=clock, reviews_valid_for=reviews_valid_for, auth=auth) as registry,
    ):
        yield registry


@asynccontextmanager
async def instance(
    database: str,
    *,
    clock: Clock = SYSTEM_CLOCK,
    secret: bytes = SECRET,
    account_keys_max: int = 250,
    records_max: int = RECORDS_MAX,
    reviews_valid_for: timedelta = YEAR,
    enforcement: Enforces | None = None,
    checkpoint_means: CheckpointMeans = NO_CHECKPOINT_MEANS,
    auth: Authenticator | None = None,
    ring: SealRing = RING,
) -> AsyncIterator[Registry]:
    """Serve another registry process, as it were, on a database, without a projection."""
    async with (
        open_pool(database, application_name="test") as pool,
        Notifications(database, PROJECTION_CHANNEL) as notifications,
    ):
        sealer = HeadSealer(ring)
        ledger = Ledger(pool, sealer)
        routes = registry_routes(
            pool,
            ledger,
            ReadModel(pool, notifications),
            clock,
            commands=Commands(ledger, clock, records_max=records_max),
            sealer=sealer,
            enforcement=enforcement or Enforcement(pool),
            policy=CommandPolicy(
                idempotency_secret=secret,
                account_keys_max=account_keys_max,
                reviews_valid_for=reviews_valid_for,
            ),
            checkpoint_means=checkpoint_means,
        )
        app = build_app("registry", routes, auth=auth or SpokenFor(), health=Health())
        async with (
            serve_http(app, "127.0.0.1", 0, drain_timeout_s=1) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            yield Registry(session=session, ledger=ledger)


@asynccontextmanager
async def folding(database: str, pool: Pool) -> AsyncIterator[None]:
    """Fold the ledger into a read model as the projection does, without Kafka in between."""
    async with open_generations(database, STATE_SECRET) as generations:
        await generations.begin()
        async with generations.standstill():
            await generations.swap()
    fold = asyncio.create_task(_fold(database, pool))
    try:
        yield
    finally:
        fold.cancel()
        await asyncio.wait([fold])


async def _fold(database: str, pool: Pool) -> None:
    ledger, writer, position = ledger_on(pool), ReadModelWriter(pool, STATE_SECRET), 0
    async with Notifications(database, LEDGER_CHANNEL) as notifications:
        while True:
            if rows := await ledger.rows_after(position, FOLD_ROWS_MAX):
                events = [understand(row, row_hash) for row, row_hash, _ in rows]
                head = Head(position=events[-1].position, hash=events[-1].hash)
                await writer.save(Step(events=events, head=head, next_offset=head.position))
                position = head.position
            else:
                await notifications.wait(FOLD_POLL_S)
