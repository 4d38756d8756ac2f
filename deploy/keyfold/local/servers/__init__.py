"""The third-party servers that a stack runs: PostgreSQL, Kafka and Caddy."""
