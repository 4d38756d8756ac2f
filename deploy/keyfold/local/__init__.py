"""The local stack: real servers and services, from Python packages alone, as supervised children."""
