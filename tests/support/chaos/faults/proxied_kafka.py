"""A Kafka with a second listener, which it advertises at a proxy's address."""

from __future__ import annotations

from pathlib import Path

from keyfold.local.process.ports import HOST, free_ports
from keyfold.local.servers.kafka import LocalKafka

SECOND_DOOR = """
listeners=CLIENT://{host}:{port},CONTROLLER://{host}:{controller_port},SECOND://{host}:{second_port}
advertised.listeners=CLIENT://{host}:{port},SECOND://{host}:{proxy_port}
listener.security.protocol.map=CONTROLLER:SASL_PLAINTEXT,CLIENT:SASL_PLAINTEXT,SECOND:SASL_PLAINTEXT
listener.name.second.sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.second.scram-sha-256.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
"""


class ProxiedKafka(LocalKafka):
    """A broker; whoever comes by `second_port` is sent to `proxy_port` for everything further.

    A client goes where a broker says that it is, whatever address it began with: a proxy that the broker does
    not know of would see no more than the first question.
    """

    def __init__(self, state_dir: Path, log_path: Path) -> None:
        super().__init__(state_dir, log_path)
        self.second_port, self.proxy_port = free_ports(2)

    def _configure(self) -> None:
        super()._configure()
        # Of two lines for one property the last one counts.
        with self._properties.open("a") as properties:
            properties.write(
                SECOND_DOOR.format(
                    host=HOST,
                    port=self.port,
                    controller_port=self._controller_port,
                    second_port=self.second_port,
                    proxy_port=self.proxy_port,
                )
            )
