"""How Kafka is reached: at which brokers, over TLS or not, and as whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from keyfold.runtime.settings.addresses import bootstrap_hosts, check_bootstrap, is_loopback
from keyfold.runtime.settings.base import Environment, file_validator
from keyfold.runtime.settings.tls_files import check_certificate, read_certificates

SecurityProtocol = Literal["SASL_SSL", "SSL", "SASL_PLAINTEXT", "PLAINTEXT"]
SaslMechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]

_OVER_TLS: Final = frozenset({"SASL_SSL", "SSL"})
_BY_PASSWORD: Final = frozenset({"SASL_SSL", "SASL_PLAINTEXT"})

Bootstrap = Annotated[str, AfterValidator(check_bootstrap)]


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaAccess:
    """Brokers' addresses, `host:port,host:port`, and how a client proves to them who it is.

    Without `authorities` a broker's certificate is held against those that this machine trusts.
    """

    bootstrap: str
    protocol: SecurityProtocol = "PLAINTEXT"
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    mechanism: SaslMechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def is_over_tls(self) -> bool:
        """Whether connections are encrypted, and the broker shows a certificate."""
        return self.protocol in _OVER_TLS

    @property
    def is_by_password(self) -> bool:
        """Whether the client logs in with a user and a password."""
        return self.protocol in _BY_PASSWORD

    def settings(self) -> Mapping[str, str]:
        """Return the settings that say the same, by their names without the prefix."""
        said = {
            "KAFKA_BOOTSTRAP": self.bootstrap,
            "KAFKA_SECURITY_PROTOCOL": self.protocol,
            "KAFKA_CA": self.authorities,
            "KAFKA_CLIENT_CERTIFICATE": self.certificate,
            "KAFKA_CLIENT_KEY": self.key,
            "KAFKA_SASL_MECHANISM": self.mechanism if self.is_by_password else None,
            "KAFKA_USERNAME": self.username,
            "KAFKA_PASSWORD": self.password,
        }
        return {name: str(value) for name, value in said.items() if value is not None}


SETTING_NAMES: Final = (
    "KAFKA_BOOTSTRAP",
    "KAFKA_SECURITY_PROTOCOL",
    "KAFKA_CA",
    "KAFKA_CLIENT_CERTIFICATE",
    "KAFKA_CLIENT_KEY",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_USERNAME",
    "KAFKA_PASSWORD",
)
"""Everything that `KafkaAccess.settings` may name."""


class KafkaClientSettings(Environment):
    """How Kafka is reached by whoever may do without it."""

    kafka_bootstrap: Bootstrap | None = Field(
        None, description="broker addresses such as host:9092,other:9092"
    )
    kafka_security_protocol: SecurityProtocol = Field(
        "SASL_SSL",
        validate_default=True,
        description="SASL_SSL or SSL; or, to brokers on this machine alone, SASL_PLAINTEXT or PLAINTEXT",
    )
    kafka_ca: Annotated[Path | None, file_validator(read_certificates)] = Field(
        None,
        description="the path of the certificates, as PEM, of the authorities that sign for brokers; "
        "without it they are those that this machine trusts",
    )
    kafka_client_certificate: Annotated[Path | None, file_validator(read_certificates)] = Field(
        None, description="the path of a certificate, as PEM, that this client shows to brokers"
    )
    kafka_client_key: Annotated[Path | None, file_validator(bool)] = Field(
        None,
        validate_default=True,
        description="the path of the private key of KEYFOLD_KAFKA_CLIENT_CERTIFICATE, as PEM that no "
        "password locks",
    )
    kafka_sasl_mechanism: SaslMechanism = Field(
        "SCRAM-SHA-512", description="one of SCRAM-SHA-512, SCRAM-SHA-256, or over TLS also PLAIN"
    )
    kafka_username: str | None = Field(
        None, validate_default=True, description="the user that this client logs in as, with SASL"
    )
    kafka_password: SecretStr | None = Field(
        None, validate_default=True, description="the password of KEYFOLD_KAFKA_USERNAME"
    )

    @field_validator("kafka_security_protocol")
    @classmethod
    def _stays_on_this_machine_or_is_over_tls(cls, protocol: str, info: ValidationInfo) -> str:
        # Without TLS anybody on the way can read who opened which patient's record, and write as this client.
        hosts = bootstrap_hosts(info.data.get("kafka_bootstrap") or "")
        if protocol not in _OVER_TLS and not all(is_loopback(host) for host in hosts):
            raise ValueError("it is without TLS, and KEYFOLD_KAFKA_BOOTSTRAP names another machine")
        return protocol

    @field_validator("kafka_client_key")
    @classmethod
    def _is_the_certificates(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        certificate = info.data.get("kafka_client_certificate", info)  # if that is wrong, it is told of alone
        if certificate is None and key is not None:
            raise ValueError("there is no certificate beside it")
        if isinstance(certificate, Path):
            if key is None:
                raise ValueError("it is not set")
            try:
                check_certificate(certificate, key)
            except ValueError:
                raise ValueError("the two do not hold a certificate and its private key") from None
        return key

    @field_validator("kafka_sasl_mechanism")
    @classmethod
    def _keeps_the_password(cls, mechanism: str, info: ValidationInfo) -> str:
        if mechanism == "PLAIN" and info.data.get("kafka_security_protocol") == "SASL_PLAINTEXT":
            raise ValueError("it would send the password as it is, without TLS")
        return mechanism

    @field_validator("kafka_username", "kafka_password")
    @classmethod
    def _is_there_if_asked_for(cls, value: str | None, info: ValidationInfo) -> str | None:
        protocol = info.data.get("kafka_security_protocol")
        is_used = info.data.get("kafka_bootstrap", info) is not None
        if value is None and is_used and protocol in _BY_PASSWORD:
            raise ValueError(f"it is not set, and {protocol} asks for it")
        return value

    @property
    def kafka(self) -> KafkaAccess | None:
        """How Kafka is reached, None if no broker is named."""
        if self.kafka_bootstrap is None:
            return None
        password = self.kafka_password
        return KafkaAccess(
            bootstrap=self.kafka_bootstrap,
            protocol=self.kafka_security_protocol,
            authorities=self.kafka_ca,
            certificate=self.kafka_client_certificate,
            key=self.kafka_client_key,
            mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_username,
            password=None if password is None else password.get_secret_value(),
        )


class KafkaSettings(KafkaClientSettings):
    """How Kafka is reached by who needs it."""

    kafka_bootstrap: Bootstrap = Field(description="broker addresses such as host:9092,other:9092")

    @property
    def kafka(self) -> KafkaAccess:
        """How Kafka is reached."""
        access = super().kafka
        if access is None:
            raise TypeError("settings without a broker were not checked")
        return access
