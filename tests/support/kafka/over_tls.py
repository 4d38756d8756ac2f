"""A local broker that can be reached over TLS too, as a broker in production is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from keyfold.local.process.ports import HOST, free_ports
from keyfold.local.servers.kafka import PROPERTIES_NAME, LocalKafka
from keyfold.runtime.settings.kafka import KafkaAccess
from tests.support.certificates import Authority, Signed

# What is said last counts.
LISTENERS: Final = """
listeners={listeners},TLS://{host}:{tls},MUTUAL://{host}:{mutual},EXPIRED://{host}:{expired}
advertised.listeners={advertised},TLS://{host}:{tls},MUTUAL://{host}:{mutual},EXPIRED://{host}:{expired}
listener.security.protocol.map={protocols},TLS:SASL_SSL,MUTUAL:SSL,EXPIRED:SASL_SSL
listener.name.mutual.ssl.client.auth=required
"""
LISTENER: Final = """
listener.name.{name}.ssl.keystore.type=PEM
listener.name.{name}.ssl.keystore.location={store}
listener.name.{name}.ssl.truststore.type=PEM
listener.name.{name}.ssl.truststore.location={authority}
listener.name.{name}.sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.{name}.scram-sha-256.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
"""


class TlsKafka(LocalKafka):
    """Listens on three further ports: over TLS, asking for a certificate, and with one that has expired."""

    def __init__(self, directory: Path, log_path: Path) -> None:
        super().__init__(directory, log_path)
        self.authority = Authority(directory / "tls")
        self._tls, self._mutual, self._expired = free_ports(3)
        day = timedelta(days=1)
        self._signed = {
            "tls": self.authority.sign("broker"),
            "mutual": self.authority.sign("mutual-broker"),
            "expired": self.authority.sign("expired-broker", valid_until=datetime.now(UTC) - day),
        }

    def over_tls(self, user: str) -> KafkaAccess:
        """Return how a user with a password reaches it."""
        access = self.accesses()[user]
        return replace(
            access,
            bootstrap=f"{HOST}:{self._tls}",
            protocol="SASL_SSL",
            authorities=self.authority.path,
        )

    def expired(self, user: str) -> KafkaAccess:
        """Return how a user reaches the port whose certificate has expired."""
        return replace(self.over_tls(user), bootstrap=f"{HOST}:{self._expired}")

    def mutual(self, shown: Signed | None) -> KafkaAccess:
        """Return how one who shows a certificate reaches it."""
        return KafkaAccess(
            bootstrap=f"{HOST}:{self._mutual}",
            protocol="SSL",
            authorities=self.authority.path,
            certificate=None if shown is None else shown.certificate,
            key=None if shown is None else shown.key,
        )

    def _configure(self) -> None:
        super()._configure()
        path = self._dir / PROPERTIES_NAME
        said = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
        more = LISTENERS.format(
            host=HOST,
            tls=self._tls,
            mutual=self._mutual,
            expired=self._expired,
            listeners=said["listeners"],
            advertised=said["advertised.listeners"],
            protocols=said["listener.security.protocol.map"],
        )
        for name, signed in self._signed.items():
            store = self._dir / f"{name}.store.pem"
            store.write_bytes(signed.key.read_bytes() + signed.certificate.read_bytes())
            more += LISTENER.format(name=name, store=store, authority=self.authority.path)
        path.write_text(path.read_text() + more)
