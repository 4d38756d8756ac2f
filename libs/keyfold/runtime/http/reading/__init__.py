"""Reading and checking requests."""
