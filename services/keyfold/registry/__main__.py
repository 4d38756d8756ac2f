"""Starts the registry."""

from datetime import timedelta
from functools import partial

from keyfold.registry.commands.execution import Commands
from keyfold.registry.ledger.seal_keys import allow_first_seal, watch_seal
from keyfold.registry.ledger.signing_means import CheckpointMeans
from keyfold.registry.purging import purge
from keyfold.registry.routes import CommandPolicy, registry_routes
from keyfold.registry.settings import RegistrySettings
from keyfold.registry.timekeeping import Timekeeper
from keyfold.runtime.authenticator import open_bearer_tokens
from keyfold.runtime.http import RateLimits, build_app
from keyfold.runtime.service import Process, run
from keyfold.runtime.waiting import wait_for
from keyfold.store.enforcement.positions import ENFORCEMENT_CHANNEL, Enforcement
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.idempotency_records import IdempotencyRecords
from keyfold.store.ledger.logins import LoginBindings
from keyfold.store.ledger.sealing import HeadSealer
from keyfold.store.ledger.spent_links import SpentLinks
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.leadership import LeaderLock, Leadership
from keyfold.store.postgres.migrations import require_migrations
from keyfold.store.postgres.notifications import Notifications
from keyfold.store.postgres.readiness import DatabaseReadiness
from keyfold.store.postgres.roles import role_of
from keyfold.store.read_model.reader import PROJECTION_CHANNEL, ReadModel
from keyfold.wire.proof.seal import SealRing
from keyfold.wire.proof.signed_head import load_private_key

NAME = "registry"


async def start(process: Process[RegistrySettings]) -> None:
    """Wire the registry's parts and let it answer."""
    settings, clock = process.settings, process.clock
    dsn, timeout_s = settings.postgres_dsn.get_secret_value(), settings.startup_timeout_s
    await wait_for("PostgreSQL", partial(require_migrations, dsn), timeout_s=timeout_s, clock=clock)
    pool = await process.enter(open_pool(dsn, application_name=NAME, plans_once=True))
    auth = await open_bearer_tokens(settings, LoginBindings(pool), clock=clock, timeout_s=timeout_s)
    process.health.add("token_keys", auth.jwks.check)
    process.spawn("token keys", auth.jwks.watch())
    projected = await process.enter(Notifications(dsn, PROJECTION_CHANNEL))
    enforced = await process.enter(Notifications(dsn, ENFORCEMENT_CHANNEL))
    readiness = DatabaseReadiness(pool, role_of(NAME))
    process.health.add("database", readiness.check)
    process.spawn("database readiness", readiness.watch())
    process.spawn("kept answers", purge("kept answers", IdempotencyRecords(pool), clock))
    process.spawn("spent links", purge("spent links", SpentLinks(pool), clock))
    sealer = HeadSealer(_read_ring(settings))
    ledger = Ledger(pool, sealer)
    commands = Commands(ledger, clock, records_max=settings.idempotency_records_max)
    model = ReadModel(pool, projected)
    begin = partial(allow_first_seal, ledger, sealer)
    await wait_for("the ledger's seal", begin, timeout_s=timeout_s, clock=clock)
    process.health.add("seal", lambda: sealer.trouble)
    process.spawn("seal", watch_seal(ledger, clock))
    timekeeper = Timekeeper(model, commands, clock)
    process.spawn("timekeeper", Leadership(dsn, LeaderLock.TIMEKEEPER).run(timekeeper.run))
    means = CheckpointMeans.of(settings, pool)
    for name, work in means.tasks(dsn, ledger, pool, commands, clock):
        process.spawn(name, work)
    routes = registry_routes(
        pool,
        ledger,
        model,
        clock,
        commands=commands,
        sealer=sealer,
        enforcement=Enforcement(pool, enforced),
        policy=_read_policy(settings),
        checkpoint_means=means,
    )
    limits = RateLimits.of(settings)
    app = build_app(NAME, routes, auth=auth, health=process.health, clock=clock, limits=limits)
    await process.serve(app)


def _read_ring(settings: RegistrySettings) -> SealRing:
    paths = (settings.seal_key, settings.seal_key_next)
    return SealRing([load_private_key(path.read_bytes()) for path in paths if path is not None])


def _read_policy(settings: RegistrySettings) -> CommandPolicy:
    return CommandPolicy(
        idempotency_secret=settings.idempotency_secret.get_secret_value().encode(),
        account_keys_max=settings.account_keys_max,
        reviews_valid_for=timedelta(days=settings.reviews_valid_days),
    )


if __name__ == "__main__":
    run(NAME, RegistrySettings, start)
