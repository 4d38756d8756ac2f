"""The projection: folds the ledger, as Kafka brings it, into the tables that reads are served from."""
