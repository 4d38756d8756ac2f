"""Reads a gateway's question: the original request, its path and method, the keys that it presents."""
