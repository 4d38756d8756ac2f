"""Requests, read and checked."""
