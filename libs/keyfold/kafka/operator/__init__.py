"""What only an operator does to Kafka: users and their rights, by a client that the services do without."""
