"""Callers: claims of tokens, the keys that prove them, and who calls."""
