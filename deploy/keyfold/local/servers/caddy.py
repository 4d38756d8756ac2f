"""A real Caddy from a Python package, configured by the same file that an operator would use."""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from keyfold.local.extra import ExtraMissing
from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.process.ports import HOST, listens

CADDYFILE = "Caddyfile"
READY_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaddySpec:
    """What Caddy needs to know; `authz` and `upstream` are `host:port`."""

    port: int
    authz: str
    upstream: str
    token: str = field(repr=False)


async def start_caddy(gateway: CaddySpec, *, caddyfile: Path, state_dir: Path, log_path: Path) -> Child:
    """Start Caddy in an existing directory; return it once it takes connections. Raises ChildFailed."""
    command = ProcessSpec(
        name="gateway",
        argv=[str(executable()), "run", "--adapter", "caddyfile", "--config", str(caddyfile)],
        log_path=log_path,
        cwd=state_dir,
        env={
            "KEYFOLD_GATEWAY_HOST": HOST,
            "KEYFOLD_GATEWAY_PORT": str(gateway.port),
            "KEYFOLD_GATEWAY_AUTHZ": gateway.authz,
            "KEYFOLD_GATEWAY_UPSTREAM": gateway.upstream,
            "KEYFOLD_GATEWAY_TOKEN": gateway.token,
            "XDG_DATA_HOME": str(state_dir),  # else it leaves files in the home directory
            "XDG_CONFIG_HOME": str(state_dir),
        },
        ports=(gateway.port,),
    )
    return await Child.start(command, lambda: listens(gateway.port), timeout_s=READY_TIMEOUT_S)


def executable() -> Path:
    """Return Caddy's binary, which its package puts beside this environment's Python. Raises ExtraMissing."""
    path = Path(sysconfig.get_path("scripts")) / "caddy"
    if not path.is_file():
        raise ExtraMissing("caddyserver")
    return path
