"""Activity: who asked for what, and what they were answered, for an account, one of its keys, or a vendor."""
