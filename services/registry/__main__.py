"""Starts the registry."""

from functools import partial

from libs.runtime.auth import open_bearer_tokens
from libs.runtime.http import build_app
from libs.runtime.service import Process, run
from libs.runtime.waiting import wait_for
from libs.store.connection import open_pool
from libs.store.migrations import migrate
from libs.store.notifications import Notifications
from libs.store.read_model import PROJECTION_CHANNEL, ReadModel
from libs.store.readiness import DatabaseReadiness
from services.registry.routes import registry_routes
from services.registry.settings import RegistrySettings

NAME = "registry"


async def start(process: Process[RegistrySettings]) -> None:
    """Wire the registry's parts and let it answer."""
    settings, clock = process.settings, process.clock
    dsn, timeout_s = settings.postgres_dsn.get_secret_value(), settings.startup_timeout_s
    await wait_for("PostgreSQL", partial(migrate, dsn), timeout_s=timeout_s, clock=clock)
    auth = await open_bearer_tokens(settings, clock=clock, timeout_s=timeout_s)
    pool = await process.enter(open_pool(dsn, application_name=NAME))
    notifications = await process.enter(Notifications(dsn, PROJECTION_CHANNEL))
    readiness = DatabaseReadiness(pool)
    process.health.add("database", readiness.check)
    process.spawn("database readiness", readiness.watch())
    routes = registry_routes(pool, ReadModel(pool, notifications), clock)
    await process.serve(build_app(NAME, routes, auth=auth, health=process.health, clock=clock))


if __name__ == "__main__":
    run(NAME, RegistrySettings, start)
