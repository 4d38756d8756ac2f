"""Opens the driver's clients: with which security, and why a broker lets none in."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Protocol

from aiokafka import errors as driver
from aiokafka.conn import create_conn

from keyfold.kafka.errors import Unavailable
from keyfold.runtime.settings.base import read_file
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.runtime.settings.tls_files import read_certificates

_ENDS = "ends the connection: does it ask for another security protocol, or a (valid) client certificate?"


class DriverClient(Protocol):
    """A producer, a consumer or an admin client of the driver."""

    async def start(self) -> None:
        """Connect."""


def client_options(kafka: KafkaAccess) -> Mapping[str, Any]:
    """Return how clients reach Kafka. Raises Unavailable if a file for TLS cannot be read now."""
    return {"bootstrap_servers": kafka.bootstrap, **_security(kafka)}


async def open_client(client: DriverClient, kafka: KafkaAccess) -> None:
    """Start a client. Raises the driver's errors, and what a broker answers to whom it does not let in."""
    try:
        await client.start()
    except driver.KafkaConnectionError:
        # The driver logs why each broker failed and raises only that all did.
        await _knock(kafka)
        raise


async def _knock(kafka: KafkaAccess) -> None:
    """Raise what a broker has against this client; return if it is only away."""
    security = _security(kafka)
    for address in kafka.bootstrap.split(","):
        host, _, port = address.rpartition(":")
        try:
            connection = await create_conn(host.strip("[]"), int(port), **security)
        except driver.UnsupportedSaslMechanismError as refused:
            raise driver.AuthenticationFailedError(f"{address} does not take {kafka.mechanism}") from refused
        except ssl.SSLError as refused:
            raise driver.AuthenticationFailedError(f"{address}: {_explain(refused)}") from refused
        except driver.KafkaConnectionError as ended:
            raise driver.KafkaConnectionError(f"{address} {_ENDS}") from ended
        except (OSError, TimeoutError):
            continue
        connection.close()


def _explain(refused: ssl.SSLError) -> str:
    if isinstance(refused, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not good: {refused.verify_message}"
    return f"the broker refuses TLS as it is set: {refused.reason}"


def _security(kafka: KafkaAccess) -> Mapping[str, Any]:
    said: dict[str, Any] = {"security_protocol": kafka.protocol}
    if kafka.is_over_tls:
        said["ssl_context"] = _tls(kafka)
    if kafka.is_by_password:
        said["sasl_mechanism"] = kafka.mechanism
        said["sasl_plain_username"] = kafka.username
        said["sasl_plain_password"] = kafka.password
    return said


def _tls(kafka: KafkaAccess) -> ssl.SSLContext:
    # Its files are read for each client: whoever renews a certificate need not restart anything.
    try:
        named = None if kafka.authorities is None else read_certificates(read_file(kafka.authorities))
        context = ssl.create_default_context(cadata=named)
        if kafka.certificate is not None:
            context.load_cert_chain(kafka.certificate, kafka.key, lambda: "")
    except (ValueError, OSError) as fault:  # perhaps they are just being written
        raise Unavailable(f"the files for TLS cannot be read: {fault}") from fault
    return context
