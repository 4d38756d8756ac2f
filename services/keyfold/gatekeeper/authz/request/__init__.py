"""What a gateway asks about: the original request, its path and method, the keys that it presents."""
