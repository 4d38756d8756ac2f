"""A local stack's record, as far as commands read it, for tests without a stack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from keyfold.client.endpoints import HTTP_SERVICES

KAFKA_PASSWORD = "the broker's"


def write_record(state_dir: Path, urls: Mapping[str, str], **changed: object) -> None:
    """Write `stack.json`, which says that a stack with these addresses runs."""
    password = state_dir / "kafka-password"
    password.write_text(KAFKA_PASSWORD)
    users = dict.fromkeys(("admin", "projection"), str(password))
    record = {
        **{service: urls[service] for service in (*HTTP_SERVICES, "gateway")},
        "postgres": "postgresql://local/keyfold",
        "postgres_of": {},
        "kafka": "127.0.0.1:9",
        "kafka_security": {"protocol": "SASL_PLAINTEXT", "mechanism": "SCRAM-SHA-256", "passwords": users},
        **changed,
    }
    (state_dir / "stack.json").write_bytes(orjson.dumps(record))
