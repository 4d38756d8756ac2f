"""The local stack: everything real, from Python packages alone, as supervised children."""
