"""How several gatekeepers are started."""

import pytest
from typer.testing import CliRunner

from keyfold.cli import app
from keyfold.cli.commands.operating.gatekeeper import commands
from keyfold.client.failure import WrongUsage
from keyfold.client.settings import GatekeeperPorts
from keyfold.local.process.child import ProcessSpec
from keyfold.runtime.settings.base import load

SHARED = {"KEYFOLD_AUTHZ_PORT": "9443"}


def started_in(processes: int, environment: dict[str, str]) -> list[ProcessSpec]:
    """Return the command of each process in an environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return commands(processes, load(GatekeeperPorts))


def ports(processes: int, environment: dict[str, str]) -> list[str]:
    """Return the service port of each process."""
    return [command.env["KEYFOLD_HTTP_PORT"] for command in started_in(processes, environment)]


def test_each_has_a_service_port_of_its_own() -> None:
    """The first has the configured port and the others the next ones; with any free port, each takes one."""
    assert ports(3, SHARED) == ["8080", "8081", "8082"]
    assert ports(2, SHARED | {"KEYFOLD_HTTP_PORT": "9000"}) == ["9000", "9001"]
    assert ports(2, SHARED | {"KEYFOLD_HTTP_PORT": "0"}) == ["0", "0"]


def test_each_has_a_name_and_may_share_the_port() -> None:
    """Each process has a name of its own, and all of them may listen on the shared port."""
    started = started_in(2, SHARED)
    assert [command.name for command in started] == ["gatekeeper 1 of 2", "gatekeeper 2 of 2"]
    assert {command.env["KEYFOLD_AUTHZ_REUSE_PORT"] for command in started} == {"true"}


def test_the_shared_port_is_nobodys_own() -> None:
    """The shared port cannot be one process's service port too."""
    with pytest.raises(WrongUsage, match="one of the 2 ports"):
        started_in(2, {"KEYFOLD_AUTHZ_PORT": "8081"})


def test_there_are_ports_enough() -> None:
    """Ports past the last one are refused before anything is started."""
    with pytest.raises(WrongUsage, match="no 3 ports from KEYFOLD_HTTP_PORT on"):
        started_in(3, SHARED | {"KEYFOLD_HTTP_PORT": "65534"})


@pytest.mark.parametrize("variable", ["KEYFOLD_HTTP_PORT", "KEYFOLD_AUTHZ_PORT", "KEYFOLD_DRAIN_TIMEOUT_S"])
@pytest.mark.parametrize("value", ["http", "nan", "inf", "-1", "70000", ""])
def test_what_is_no_number_is_told(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """A broken setting is named before anything is started."""
    monkeypatch.setenv(variable, value)
    ended = CliRunner().invoke(app, ["gatekeeper"])
    assert ended.exit_code == 2
    assert [line.partition(":")[0] for line in ended.stderr.splitlines()[1:]] == [variable]


@pytest.mark.parametrize("environment", [{}, {"KEYFOLD_AUTHZ_PORT": "0"}])
def test_several_need_one_port_to_share(environment: dict[str, str]) -> None:
    """Without a shared port gateways would not find several processes; a single one needs none."""
    with pytest.raises(WrongUsage, match="KEYFOLD_AUTHZ_PORT"):
        started_in(2, environment)
    assert len(started_in(1, environment)) == 1
