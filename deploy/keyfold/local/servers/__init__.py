"""The servers of others that a stack runs: PostgreSQL, Kafka and Caddy."""
