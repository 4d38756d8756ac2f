"""Processes that a stack starts, keeps running and ends."""
