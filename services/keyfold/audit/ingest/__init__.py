"""Takes access events from Kafka and files them, each once."""
