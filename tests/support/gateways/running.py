"""The real gateways, started with the shipped files; only addresses and tokens are the tests' own."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import yaml

from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.process.ports import HOST, free_ports, listens
from keyfold.local.servers.caddy import executable as caddy_executable
from tests.support.debian import program

SHIPPED: Final = Path(__file__).parents[3] / "deploy" / "keyfold" / "gateways"
READY_WITHIN_S: Final = 30.0
Name = Literal["nginx", "haproxy", "caddy", "envoy"]
KINDS: Final[Mapping[Name, str]] = {
    "nginx": "original",
    "haproxy": "forwarded",
    "caddy": "forwarded",
    "envoy": "forwarded",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What belongs to an installation; `authz` are the ports of two gatekeepers."""

    directory: Path
    token: str
    authz: Sequence[int]
    upstream: int
    cors_origin: str | None = None
    is_talkative: bool = False
    """Whether it logs in the most talkative of the formats that come with it, beside the shipped one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway; all that it writes is in files of its directory."""

    name: Name
    port: int
    child: Child


def token_of(name: Name) -> str:
    """Return the token of a gateway."""
    return f"the-token-of-{name}"


async def start(name: Name, site: Site) -> Gateway:
    """Start a gateway, and return it once it takes connections. Raises ChildFailed."""
    (port,) = free_ports(1)
    site.directory.mkdir(parents=True)
    command = COMMANDS[name](site, port)
    child = await Child.spawn(command)
    await child.ready(lambda: listens(port), timeout_s=READY_WITHIN_S)
    return Gateway(name=name, port=port, child=child)


def _nginx(site: Site, port: int) -> ProcessSpec:
    # nginx looks for what a file includes beside the path that it was given for the file.
    for file in ("nginx.conf", "keyfold-denial.conf", "keyfold-claims.conf"):
        (site.directory / file).symlink_to(SHIPPED / "nginx" / file)
    own = site.directory / "site"
    own.mkdir()
    servers = "".join(f"server {HOST}:{authz} max_fails=0; " for authz in site.authz)
    origin = f'"{site.cors_origin}" $http_origin;' if site.cors_origin else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {kind};\n" for kind in kinds)
    (own / "http.conf").write_text(
        f"upstream keyfold_gatekeepers {{ {servers} keepalive 64; }}\n"
        f"upstream keyfold_api {{ server {HOST}:{site.upstream}; keepalive 64; }}\n"
        f'map "" $keyfold_gateway_token {{ default "{site.token}"; }}\n'
        f'map $http_origin $keyfold_cors_origin {{ default ""; {origin} }}\n'
        f"access_log access.log keyfold;\n{temporary}"
        + ("access_log combined.log combined;\n" if site.is_talkative else "")
    )
    (own / "server.conf").write_text(f"listen {HOST}:{port};\n")
    user = "user root; " if os.geteuid() == 0 else ""  # whoever else could not enter the test's directory
    directives = f"daemon off; {user}pid nginx.pid;"
    argv = (program("nginx-light"), "-p", site.directory, "-e", "stderr", "-g", directives)
    return _command("nginx", (*argv, "-c", site.directory / "nginx.conf"), site)


def _haproxy(site: Site, port: int) -> ProcessSpec:
    first, second = site.authz
    environment = {
        **_environment(site, port),
        "KEYFOLD_GATEWAY_AUTHZ_1": f"{HOST}:{first}",
        "KEYFOLD_GATEWAY_AUTHZ_2": f"{HOST}:{second}",
        "KEYFOLD_GATEWAY_LUA": str(SHIPPED / "haproxy" / "keyfold.lua"),
        "KEYFOLD_CORS_ORIGINS": f"https://other.example.org {site.cors_origin}" if site.cors_origin else "",
    }
    shipped = SHIPPED / "haproxy" / "haproxy.cfg"
    if site.is_talkative:
        own = site.directory / "haproxy.cfg"
        lines = shipped.read_text().splitlines()
        own.write_text(
            "\n".join("    option httplog" if "log-format" in line else line for line in lines) + "\n"
        )
        shipped = own
    argv = (program("haproxy"), "-f", shipped)
    return _command("haproxy", argv, site, environment)


def _caddy(site: Site, port: int) -> ProcessSpec:
    origin = site.cors_origin
    environment = {
        **_environment(site, port),
        "KEYFOLD_GATEWAY_AUTHZ": " ".join(f"{HOST}:{authz}" for authz in site.authz),
        "XDG_DATA_HOME": str(site.directory),
        "XDG_CONFIG_HOME": str(site.directory),
        **({"KEYFOLD_CORS_ORIGINS": origin.replace(".", r"\.")} if origin else {}),
    }
    shipped = SHIPPED / "Caddyfile"
    if site.is_talkative:
        own = site.directory / "Caddyfile"
        text = shipped.read_text().replace("\tadmin off\n", "\tadmin off\n\tdebug\n")
        own.write_text(text.replace("\tbind {", "\tlog\n\tbind {"))
        shipped = own
    argv = (caddy_executable(), "run", "--adapter", "caddyfile", "--config", shipped)
    return _command("caddy", argv, site, environment)


def _envoy(site: Site, port: int) -> ProcessSpec:
    included = (SHIPPED / "envoy" / "keyfold.yaml").read_text()
    if site.cors_origin:
        included = included.replace("#cors ", "").replace("https://app.example.com", site.cors_origin)
    if site.is_talkative:  # Envoy's own default format
        included = re.sub(r"            log_format:\n.*\n.*inline_string.*\n", "", included)
    (site.directory / "keyfold.yaml").write_text(included)
    own = yaml.safe_load((SHIPPED / "envoy" / "envoy.yaml").read_text())
    resources = own["static_resources"]
    _address(resources["listeners"][0]["address"], port)
    for cluster, ports in zip(resources["clusters"], (site.authz, [site.upstream]), strict=True):
        (endpoints,) = cluster["load_assignment"]["endpoints"]
        for endpoint, each in zip(endpoints["lb_endpoints"], ports, strict=True):
            _address(endpoint["endpoint"]["address"], each)
    (site.directory / "envoy.yaml").write_text(yaml.safe_dump(own))
    program = (sys.executable, Path(sysconfig.get_path("scripts")) / "envoy")
    argv = (*program, "-c", "envoy.yaml", "--concurrency", "2")
    level = ("--disable-hot-restart", "--log-level", "info" if site.is_talkative else "warning")
    return _command("envoy", (*argv, *level), site, _environment(site, port))


def _address(address: dict[str, dict[str, object]], port: int) -> None:
    address["socket_address"] = {"address": HOST, "port_value": port}


def _environment(site: Site, port: int) -> dict[str, str]:
    return {
        "KEYFOLD_GATEWAY_HOST": HOST,
        "KEYFOLD_GATEWAY_PORT": str(port),
        "KEYFOLD_GATEWAY_UPSTREAM": f"{HOST}:{site.upstream}",
        "KEYFOLD_GATEWAY_TOKEN": site.token,
    }


def _command(
    name: str, argv: Sequence[str | Path], site: Site, environment: Mapping[str, str] | None = None
) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        argv=[str(each) for each in argv],
        env=environment or {},
        cwd=site.directory,
        log_path=site.directory / f"{name}.log",
    )


COMMANDS: Final[Mapping[Name, Callable[[Site, int], ProcessSpec]]] = {
    "nginx": _nginx,
    "haproxy": _haproxy,
    "caddy": _caddy,
    "envoy": _envoy,
}
