"""Lifecycle events as bytes, and the hash chain over them."""
