"""Keyfold over HTTP: what the command line and the local stack ask services with."""
