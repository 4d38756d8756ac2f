"""How the examples read from Kafka: from positions of their own, and logged in as the environment says.

KAFKA_USERNAME and KAFKA_PASSWORD; KAFKA_CA, a file, if this machine does not know who signs for the brokers;
KAFKA_SECURITY_PROTOCOL and KAFKA_SASL_MECHANISM, if they are not SASL_SSL and SCRAM-SHA-512.
"""

import os
import ssl

PROTOCOL = os.environ.get("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")

READING = {
    "auto_offset_reset": "none",
    "max_partition_fetch_bytes": 1 << 25,  # small files are slow to query
    "security_protocol": PROTOCOL,
    "ssl_context": ssl.create_default_context(cafile=os.environ.get("KAFKA_CA")),
    "sasl_mechanism": os.environ.get("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
    "sasl_plain_username": os.environ.get("KAFKA_USERNAME"),
    "sasl_plain_password": os.environ.get("KAFKA_PASSWORD"),
}
