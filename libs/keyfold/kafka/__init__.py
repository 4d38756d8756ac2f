"""The only package that speaks to Kafka: topics, publishing, reading, and what can go wrong."""
