"""Kafka over TLS: with a password, with a certificate, and with what is wrong in either."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from keyfold.cli import app
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.errors import KafkaFailure, KafkaMisconfigured
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.topics import prepare_topics
from keyfold.local.servers.kafka_users import USERS
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.topics import ACCESS, ALL, LIFECYCLE
from tests.support.certificates import Authority
from tests.support.kafka.over_tls import TlsKafka
from tests.support.kafka.records import make_numbered, read_all, values


@pytest.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TlsKafka]:
    """A broker without topics that is reached over TLS."""
    directory = tmp_path_factory.mktemp("kafka-over-tls")
    broker = TlsKafka(directory / "kafka", directory / "kafka.log")
    await broker.start()
    yield broker
    await broker.stop()


async def keyfold(kafka: KafkaAccess, *arguments: str) -> Result:
    """Run a command as an operator would, who names this Kafka in the environment."""
    given = {f"KEYFOLD_{name}": value for name, value in kafka.settings().items()}
    return await asyncio.to_thread(CliRunner().invoke, app, ["topics", *arguments], env=given)


async def test_an_operator_sets_it_up_and_services_use_it(broker: TlsKafka, tmp_path: Path) -> None:
    """An operator makes topics, users and rights; then a password and a certificate each do their work."""
    admin, shown = broker.over_tls("admin"), broker.authority.sign("relay.test")
    bare = await keyfold(admin, "check")
    assert (bare.exit_code, LIFECYCLE.name in bare.output) == (1, True)

    users = ("--user", "relay=CN=relay.test", "--user", "analyst=reader")
    made = await keyfold(admin, "make", *users, "--passwords", str(tmp_path / "passwords"))
    again = await keyfold(admin, "make", *users, "--passwords", str(tmp_path / "passwords"))
    assert made.exit_code == 0, made.output
    assert {each["name"] for each in orjson.loads(made.stdout)} >= {*(t.name for t in ALL), "CN=relay.test"}
    assert (again.exit_code, orjson.loads(again.stdout)) == (0, [])
    assert (tmp_path / "passwords" / "reader").stat().st_mode & 0o077 == 0
    left = await keyfold(admin, "check", *users)
    assert [(each["of"], each["wrong"][:12]) for each in orjson.loads(left.stdout)] == [
        ("relay", "it has Write")
    ]
    whole = await keyfold(admin, "check", "--user", "analyst=reader")
    assert (whole.exit_code, [each["of"] for each in orjson.loads(whole.stdout)]) == (1, ["CN=relay.test"])

    relay = broker.mutual(shown)
    await prepare_topics(relay, [LIFECYCLE])
    async with Publisher(ProducerOptions(kafka=relay)) as publisher:
        await publisher.publish(LIFECYCLE.name, 0, make_numbered(0, 3))
        with pytest.raises(KafkaMisconfigured, match="Authorization"):
            await publisher.publish(ACCESS.name, 0, make_numbered(0, 1))
    reader = replace(
        broker.over_tls("analyst"),
        username="reader",
        password=(tmp_path / "passwords" / "reader").read_text(),
    )
    assert values(await read_all(reader, LIFECYCLE.name)) == [0, 1, 2]


async def test_a_right_too_many_is_found(broker: TlsKafka) -> None:
    """Whoever else may write to a topic of ours is named, with the line that takes the right away."""
    from keyfold.kafka.operator.client import open_admin
    from keyfold.kafka.operator.rights import add_grants
    from keyfold.wire.grants import Grant, Resource, Right

    admin = broker.over_tls("admin")
    wide = Grant(user="intruder", resource=Resource.TOPIC, name="keyfold.", right=Right.WRITE, is_prefix=True)
    await asyncio.to_thread(lambda: add_grants(open_admin(admin), [wide]))

    faults = {each["of"]: each["mend"] for each in orjson.loads((await keyfold(admin, "check")).stdout)}
    rows = {each["topic"]: each for each in orjson.loads((await keyfold(admin, "show")).stdout)}

    assert faults["intruder"] == (
        "kafka-acls.sh --remove --allow-principal 'User:intruder' "
        "--operation Write --topic 'keyfold.' --resource-pattern-type prefixed"
    )
    assert "intruder" in rows[LIFECYCLE.name]["written_by"]
    assert set(USERS) - {"admin"} & set(rows[LIFECYCLE.name]["read_by"])


def stranger(broker: TlsKafka, directory: Path) -> KafkaAccess:
    """Trust somebody who did not sign for the broker."""
    return replace(broker.over_tls("shipper"), authorities=Authority(directory, "stranger").path)


def late(broker: TlsKafka, directory: Path) -> KafkaAccess:
    """Show a certificate that has expired."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return broker.mutual(broker.authority.sign("late.test", valid_until=yesterday))


WRONG: dict[str, tuple[Callable[[TlsKafka, Path], KafkaAccess], str]] = {
    "password": (lambda b, _: replace(b.over_tls("shipper"), password="guessed"), "Authentication failed"),
    "mechanism": (lambda b, _: replace(b.over_tls("shipper"), mechanism="SCRAM-SHA-512"), "SCRAM-SHA-512"),
    "authority": (stranger, "the broker's certificate is not good"),
    "expired broker": (lambda b, _: b.expired("shipper"), "certificate has expired"),
    "no certificate": (lambda b, _: b.mutual(None), "certificate"),
    "expired certificate": (late, "certificate"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_wrong_is_said(broker: TlsKafka, tmp_path: Path, wrong: str) -> None:
    """A broker that lets nobody in, or that is not to be trusted, is named in one line."""
    access, said = WRONG[wrong]
    with pytest.raises(KafkaFailure, match=said) as failed:
        await prepare_topics(access(broker, tmp_path), [ACCESS])
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize("wrong", ["password", "authority"])
async def test_a_service_says_why_it_ends(broker: TlsKafka, tmp_path: Path, wrong: str) -> None:
    """A service that a broker does not let in, or cannot trust, ends with one line that says so."""
    access, said = WRONG[wrong]
    settings = {
        **access(broker, tmp_path).settings(),
        "JOURNAL_DIR": str(tmp_path / "journal"),
        "HTTP_PORT": "0",
        "LOG_FORMAT": "json",
    }
    shipper = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "keyfold.shipper"),
        env={f"KEYFOLD_{name}": value for name, value in settings.items()},
        stderr=PIPE,
    )
    _, log = await shipper.communicate()

    errors = [line for each in log.splitlines() if (line := orjson.loads(each))["level"] == "error"]
    assert shipper.returncode == 1
    assert said in errors[-1]["error"]
    assert "guessed" not in log.decode()
