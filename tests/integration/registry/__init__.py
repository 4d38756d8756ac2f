"""The registry over HTTP, against a real PostgreSQL."""
