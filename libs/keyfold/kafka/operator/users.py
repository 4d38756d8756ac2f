"""Reads which users log in by SCRAM, and sets their passwords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from keyfold.kafka.operator.client import result_of
from keyfold.runtime.settings.kafka import SaslMechanism

# The least that Kafka takes. Passwords here are random: more rounds would only slow down who connects.
_ITERATIONS: Final = 4096


def read_users(admin: AdminClient) -> frozenset[str]:
    """Return the users that have a password. Raises Unavailable or KafkaMisconfigured."""
    return frozenset(result_of(admin.describe_user_scram_credentials()))


def set_passwords(admin: AdminClient, passwords: Mapping[str, str], mechanism: SaslMechanism) -> None:
    """Make the users that are missing; give each its password. Raises Unavailable or KafkaMisconfigured."""
    how = ScramCredentialInfo(ScramMechanism[mechanism.replace("-", "_")], _ITERATIONS)
    wanted = [UserScramCredentialUpsertion(user, how, word.encode()) for user, word in passwords.items()]
    if wanted:
        for future in admin.alter_user_scram_credentials(wanted).values():
            result_of(future)
