"""Secrets of keys as text, and keys packed into memory."""
