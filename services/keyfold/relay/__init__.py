"""From the ledger to Kafka: every event, in order, at least once, by one process at a time."""
