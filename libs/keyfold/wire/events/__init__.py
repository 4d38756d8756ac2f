"""Lifecycle events as they travel and are chained."""
