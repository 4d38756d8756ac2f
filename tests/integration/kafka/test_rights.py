"""Who may do what in Kafka, tried by each user against a real broker: every operation, allowed or refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import pytest
from aiokafka import errors as driver
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.protocol.admin import (
    AlterConfigsRequest,
    CreateTopicsRequest,
    DeleteRecordsRequest,
    DeleteTopicsRequest,
    DescribeAclsRequest,
    DescribeConfigsRequest,
)
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest

from keyfold.kafka.access import client_options
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.errors import KafkaMisconfigured, Unavailable
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.reader import Reader
from keyfold.kafka.topics import ensure_topics, prepare_topics
from keyfold.local.servers.kafka import LocalKafka
from keyfold.local.servers.kafka_users import USERS
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.topics import ACCESS, ALL, DEAD_LETTER, LIFECYCLE
from tests.support.ledger_builder import LedgerBuilder, story

TABLE: Final = """
               admin relay projection gatekeeper shipper audit analyst
write L        ok    ok    -          -          -       -     -
write A        ok    -     -          -          ok      -     -
write D        ok    -     ok         -          -       ok    -
read L         ok    -     ok         ok         -       -     ok
read A         ok    -     -          -          -       ok    ok
read D         ok    -     -          -          -       ok    -
see L          ok    ok    ok         ok         -       -     -
see A          ok    -     -          -          ok      ok    -
see D          ok    -     ok         -          -       ok    -
set L          ok    -     -          -          -       -     -
set A          ok    -     -          -          -       -     -
cut L          ok    -     -          -          -       -     -
cut A          ok    -     -          -          -       -     -
delete N       ok    -     -          -          -       -     -
create N       ok    -     -          -          -       -     -
acls           ok    -     -          -          -       -     -
group analyst  ok    -     -          -          -       -     ok
group audit    ok    -     -          -          -       -     -
"""
"""What each may do with L, A and D, the topics of lifecycle, access and dead letters, and N, a new one."""

TOPICS: Final = {"L": LIFECYCLE.name, "A": ACCESS.name, "D": DEAD_LETTER.name, "N": "test.not-there"}
REFUSED: Final = frozenset({29, 30, 31})  # topic, group and cluster authorization failed
TOPIC: Final = 2

Ask = Callable[[AIOKafkaConnection, str], Awaitable[int]]


async def write(connection: AIOKafkaConnection, topic: str) -> int:
    """Send a batch that is none: whoever may write is told so, and nobody has written."""
    answer = await connection.send(ProduceRequest(None, -1, 5000, [(topic, [(0, b"")])]))
    return int(answer.topics[0][1][0][1])


async def read(connection: AIOKafkaConnection, topic: str) -> int:
    """Fetch what there is."""
    answer = await connection.send(FetchRequest(0, 0, 1000, 0, [(topic, [(0, 0, 1000)])]))
    return int(answer.topics[0][1][0][1])


async def see(connection: AIOKafkaConnection, topic: str) -> int:
    """Ask how a topic is configured."""
    answer = await connection.send(DescribeConfigsRequest([(TOPIC, topic, None)]))
    return int(answer.resources[0][0])


async def set_(connection: AIOKafkaConnection, topic: str) -> int:
    """Ask whether its configuration could be changed."""
    wanted = [(TOPIC, topic, [("retention.ms", "-1")])]
    answer = await connection.send(AlterConfigsRequest(wanted, validate_only=True))
    return int(answer.resources[0][0])


async def cut(connection: AIOKafkaConnection, topic: str) -> int:
    """Delete the records before the first one."""
    answer = await connection.send(DeleteRecordsRequest([(topic, [(0, 0)])], 5000))
    return int(answer.topics[0][1][0][2])


async def delete(connection: AIOKafkaConnection, topic: str) -> int:
    """Delete a topic that is not there."""
    answer = await connection.send(DeleteTopicsRequest([topic], 5000))
    return int(answer.topic_error_codes[0][1])


async def create(connection: AIOKafkaConnection, topic: str) -> int:
    """Ask whether a topic could be made."""
    answer = await connection.send(CreateTopicsRequest([(topic, 1, 1, [], [])], 5000, True))
    return int(answer.topic_errors[0][1])


async def acls(connection: AIOKafkaConnection, _topic: str) -> int:
    """Ask who may do what."""
    answer = await connection.send(DescribeAclsRequest(1, None, 1, None, None, 1, 1))
    return int(answer.error_code)


async def group(connection: AIOKafkaConnection, name: str) -> int:
    """Ask who coordinates a group."""
    return int((await connection.send(FindCoordinatorRequest(name, 0))).error_code)


ASKS: Final[Mapping[str, Ask]] = {
    "write": write,
    "read": read,
    "see": see,
    "set": set_,
    "cut": cut,
    "delete": delete,
    "create": create,
    "acls": acls,
    "group": group,
}


@asynccontextmanager
async def connected(kafka: KafkaAccess) -> AsyncIterator[AIOKafkaConnection]:
    """Yield a connection that has logged in."""
    options: dict[str, Any] = dict(client_options(kafka))
    host, _, port = options.pop("bootstrap_servers").partition(":")
    connection = await create_conn(host, int(port), **options)
    try:
        yield connection
    finally:
        connection.close()


async def test_everybody_does_what_it_must_and_nothing_else(kafka_server: LocalKafka) -> None:
    """Each user is refused every operation that it does not need, and no other."""
    await ensure_topics(kafka_server.access, ALL)
    head, *lines = (line for line in TABLE.splitlines() if line)
    assert tuple(head.split()) == USERS
    wrong = []
    for column, (user, access) in enumerate(kafka_server.accesses().items()):
        async with connected(access) as connection:
            for line in lines:
                operation, *expected = line[:15].split(), *line[15:].split()
                name, about = operation[0], operation[-1]
                code = await ASKS[name](connection, TOPICS.get(about, about))
                if (code in REFUSED) == (expected[column] == "ok"):
                    wrong.append((user, line[:15].strip(), driver.for_code(code).__name__))

    assert wrong == []


@pytest.mark.parametrize("user", [each for each in USERS if each not in ("admin", "relay")])
async def test_nobody_else_issues_a_key(kafka_server: LocalKafka, user: str) -> None:
    """An event of the ledger that is not the relay's is refused, and the topic stays as it was."""
    await ensure_topics(kafka_server.access, ALL)
    forged = LedgerBuilder(story()).records()
    async with Publisher(ProducerOptions(kafka=kafka_server.accesses()[user])) as publisher:
        with pytest.raises(KafkaMisconfigured, match="Authorization"):
            await publisher.publish(LIFECYCLE.name, 0, forged)


async def test_nobody_without_a_password_gets_in(kafka_server: LocalKafka) -> None:
    """Without a login nothing is written; with a wrong one, the broker's words are the failure's."""
    relay = kafka_server.accesses()["relay"]
    anonymous = KafkaAccess(bootstrap=relay.bootstrap)
    async with Publisher(ProducerOptions(kafka=anonymous, timeout_s=3)) as publisher:
        with pytest.raises(Unavailable):
            await publisher.publish(LIFECYCLE.name, 0, LedgerBuilder(story()).records())
    for wrong in (replace(relay, password="guessed"), replace(relay, username="nobody")):
        with pytest.raises(KafkaMisconfigured, match="Authentication failed"):
            await prepare_topics(wrong, [LIFECYCLE])
        with pytest.raises(KafkaMisconfigured, match="Authentication failed"):
            await Reader(wrong, LIFECYCLE.name, {0: 0}).start()
        async with Publisher(ProducerOptions(kafka=wrong)) as publisher:
            with pytest.raises(KafkaMisconfigured, match="Authentication failed"):
                await publisher.start()


async def test_a_topic_that_is_missing_is_the_operators_to_make(kafka_server: LocalKafka) -> None:
    """Who may not make a topic says who is to make it."""
    with pytest.raises(KafkaMisconfigured, match="keyfold topics make"):
        await prepare_topics(kafka_server.accesses()["shipper"], [replace(ACCESS, name="test.not-there")])
