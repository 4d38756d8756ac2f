"""The users of a local broker: each has a password of its own, in a file that nobody else can read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from keyfold.local.extra import require_extra
from keyfold.local.state import write_private
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.grants import PRINCIPALS

ADMIN: Final = "admin"
USERS: Final = (ADMIN, *(each.user for each in PRINCIPALS))
MECHANISM: Final = "SCRAM-SHA-256"

# Before there is any user, and among the broker's own parts, the administrator logs in by PLAIN.
SECURITY: Final = """\
listener.security.protocol.map=CONTROLLER:SASL_PLAINTEXT,CLIENT:SASL_PLAINTEXT
listener.name.client.sasl.enabled.mechanisms={mechanism},PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.client.{name}.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.client.plain.sasl.jaas.config={plain}
listener.name.controller.plain.sasl.jaas.config={plain}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin}
"""
_PLAIN: Final = """\\
  org.apache.kafka.common.security.plain.PlainLoginModule required \\
  username="{admin}" password="{password}" user_{admin}="{password}";\
"""


class KafkaUsers:
    """The users' passwords, made on the first start. `path` has a file for each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def properties(self) -> str:
        """What the broker is told of security; it holds the administrator's password."""
        plain = _PLAIN.format(admin=ADMIN, password=self._password(ADMIN))
        return SECURITY.format(mechanism=MECHANISM, name=MECHANISM.lower(), admin=ADMIN, plain=plain)

    def access(self, bootstrap: str, user: str) -> KafkaAccess:
        """Return how a user reaches the broker."""
        return KafkaAccess(
            bootstrap=bootstrap,
            protocol="SASL_PLAINTEXT",
            mechanism=MECHANISM,
            username=user,
            password=self._password(user),
        )

    def founding_access(self, bootstrap: str) -> KafkaAccess:
        """Return how the administrator reaches a broker that has no user yet."""
        return replace(self.access(bootstrap, ADMIN), mechanism="PLAIN")

    async def prepare(self, bootstrap: str) -> None:
        """Make users and rights that are missing. Raises KafkaFailure."""
        require_extra()
        from keyfold.kafka.operator.setup import make_users  # imported here: it is part of the extra

        admin = self.founding_access(bootstrap)
        await make_users(admin, PRINCIPALS, USERS, self._password, MECHANISM)

    def files(self) -> Mapping[str, Path]:
        """Return the file of each user's password."""
        return {user: self.path / user for user in USERS}

    def _password(self, user: str) -> str:
        path = self.path / user
        if not path.exists():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, secrets.token_urlsafe(24).encode())
        return path.read_text()
