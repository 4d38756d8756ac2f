"""Activity: who asked for what, and what the answer was, for an account, one of its keys, or a vendor."""
