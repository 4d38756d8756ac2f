"""May this request pass? The answer from memory, written down before it is given."""
