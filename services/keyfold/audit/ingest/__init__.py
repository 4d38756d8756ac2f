"""Takes access events from Kafka and writes them to the log, each once."""
