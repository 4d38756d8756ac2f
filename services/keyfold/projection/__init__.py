"""The projection: folds the ledger, from Kafka, into the tables that serve reads."""
