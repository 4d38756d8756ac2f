"""The gateways file: who may ask, and every fault of it at once."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from keyfold.gatekeeper.gateways import GatewayKind, load_gateways
from keyfold.runtime.failure import StopProcess


def digest(token: str) -> str:
    """Return what the file holds of a token."""
    return sha256(token.encode()).hexdigest()


def write_gateways(directory: Path, content: object) -> Path:
    """Write a gateways file."""
    path = directory / "gateways.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_token_names_its_gateway(tmp_path: Path) -> None:
    """A gateway is recognised by its token alone; `forwarded` is its kind unless the file says otherwise."""
    entries = [
        {"name": "caddy", "token_sha256": digest("one")},
        {"name": "nginx", "kind": "original", "token_sha256": digest("two")},
    ]
    gateways = load_gateways(write_gateways(tmp_path, entries))
    caddy, nginx = gateways.find(["one"]), gateways.find(["two"])
    assert caddy is not None and (caddy.name, caddy.kind) == ("caddy", GatewayKind.FORWARDED)
    assert nginx is not None and (nginx.name, nginx.kind) == ("nginx", GatewayKind.ORIGINAL)


@pytest.mark.parametrize("tokens", [[], ["wrong"], [""], ["one", "one"], ["\udcff"]])
def test_no_token_or_another_names_nobody(tmp_path: Path, tokens: list[str]) -> None:
    """No token, an unknown one, two at once, or bytes that are no text: nobody."""
    gateways = load_gateways(write_gateways(tmp_path, [{"name": "caddy", "token_sha256": digest("one")}]))
    assert gateways.find(tokens) is None


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    """A broken file is refused with all of its faults, and quotes no token."""
    entries = [
        {"name": "a b", "token_sha256": digest("one")},
        {"name": "b", "kind": "nginx", "token_sha256": "secret-in-the-clear"},
        {"name": "c", "token_sha256": digest("one"), "token": "one"},
    ]
    with pytest.raises(StopProcess) as refused:
        load_gateways(write_gateways(tmp_path, entries))
    told = str(refused.value)
    assert all(place in told for place in ("0/name", "1/kind", "1/token_sha256", "2/token"))
    assert "secret-in-the-clear" not in told


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ([], "lists no gateway"),
        ("{", "the file"),
        ([{"name": "a", "token_sha256": digest("")}], "the token of a is empty"),
        ([{"name": n, "token_sha256": digest("one")} for n in "ab"], "the same token"),
        ([{"name": "a", "token_sha256": digest(t)} for t in "12"], "2 gateways are named a"),
    ],
)
def test_a_file_that_lets_nobody_or_anybody_in_is_refused(
    tmp_path: Path, content: object, fault: str
) -> None:
    """A file without a gateway, with an empty token, or with one token or name twice is refused."""
    with pytest.raises(StopProcess, match=fault):
        load_gateways(write_gateways(tmp_path, content))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The operator learns which file cannot be read."""
    with pytest.raises(StopProcess, match=r"absent\.json"):
        load_gateways(tmp_path / "absent.json")
