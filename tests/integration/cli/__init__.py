"""The command line against a real PostgreSQL."""
