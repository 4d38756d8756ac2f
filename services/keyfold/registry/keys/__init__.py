"""Subscriber keys over HTTP, alone and many at once."""
