"""The shipped files, also of gateways that do not run here, are well-formed and name what all must name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from keyfold.gatekeeper.gateways import TOKEN_HEADER
from tests.support.gateways.claims import REMOVED
from tests.support.gateways.running import SHIPPED
from tests.support.gateways.upstream import IDENTITY

FILES = [path for path in sorted(SHIPPED.rglob("*")) if path.is_file()]
YAML = [path for path in FILES if path.suffix == ".yaml"]
# Those that ask, and see to what reaches the API. The others are included by them.
ASKING = [
    SHIPPED / name
    for name in (
        "Caddyfile",
        "envoy/keyfold.yaml",
        "haproxy/haproxy.cfg",
        "nginx/nginx.conf",
        "traefik/keyfold.yaml",
        "kubernetes/envoy-gateway.yaml",
        "kubernetes/ingress-nginx.yaml",
        "kubernetes/traefik.yaml",
    )
]


def _name(path: Path) -> str:
    return str(path.relative_to(SHIPPED))


@pytest.mark.parametrize("path", YAML, ids=_name)
def test_yaml(path: Path) -> None:
    """A file of YAML holds mappings, and what is for Kubernetes says of which kind it is."""
    documents = list(yaml.safe_load_all(path.read_text()))
    assert all(isinstance(each, dict) for each in documents)
    if path.parent.name == "kubernetes":
        assert all({"apiVersion", "kind", "metadata"} <= set(each) for each in documents)


@pytest.mark.parametrize("path", ASKING, ids=_name)
def test_names(path: Path) -> None:
    """Each file names every identity header, the keys' and the token's, and says what cannot be done."""
    asked = [path, path.with_name("keyfold.lua")] if path.name == "haproxy.cfg" else [path]
    text = "\n".join(each.read_text() for each in asked).lower()
    for name in (*IDENTITY, "x-api-key", "a-api-key", TOKEN_HEADER):
        assert name.lower() in text
    assert "cannot do" in text


# These gateways know no patterns. What they set themselves, and so overwrite, they are not told to remove.
ONE_BY_ONE = (
    "nginx/keyfold-claims.conf",
    "traefik/keyfold.yaml",
    "kubernetes/traefik.yaml",
    "kubernetes/ingress-nginx.yaml",
)
OVERWRITTEN = {
    *(f"x-forwarded-{each}" for each in ("for", "proto", "host", "port", "server", "scheme")),
    *("x-real-ip", "x-scheme", "x-original-forwarded-for", "x-gateway-token"),
}


@pytest.mark.parametrize("file", ONE_BY_ONE)
def test_claims_are_named(file: str) -> None:
    """Where headers are removed one by one, each is named that an API may let itself be told something by."""
    removed = set(re.findall(r'([a-z0-9-]+):? ""', (SHIPPED / file).read_text().lower()))
    plain = {name for claim in REMOVED if re.fullmatch("[a-z0-9-]+", name := claim.name.lower())}
    own = {name for name in plain if name.startswith("x-keyfold-")}
    assert plain - own - OVERWRITTEN - removed == set()


def test_nginx_site() -> None:
    """What nginx.conf takes from the installation's own files is in the examples of them."""
    own = (SHIPPED / "nginx" / "site" / "http.conf").read_text()
    names = ("keyfold_gatekeepers", "keyfold_api", "$keyfold_gateway_token", "$keyfold_cors_origin")
    assert [name for name in names if name not in own] == []
    assert "listen" in (SHIPPED / "nginx" / "site" / "server.conf").read_text()


def test_what_these_versions_do_themselves() -> None:
    """What the versions that run here do unasked is in the files too: others may not."""
    nginx, caddy = ((SHIPPED / name).read_text() for name in ("nginx/nginx.conf", "Caddyfile"))
    question = nginx.partition("location = /keyfold-authz {")[2].partition("}")[0]
    assert "proxy_pass_request_body off;" in question
    assert "underscores_in_headers off;" in nginx
    assert "request_header -*_*" in caddy


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_lines(path: Path) -> None:
    """The files can be read on any screen, and have no tabs but where their language wants them."""
    text = path.read_text()
    assert path.name == "Caddyfile" or "\t" not in text
    prose = [line for line in text.splitlines() if line.lstrip().startswith(("#", "--"))]
    assert [line for line in prose if len(line.expandtabs(4)) > 125] == []
