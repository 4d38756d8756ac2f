"""The one way that a command takes, from a request to its answer."""
