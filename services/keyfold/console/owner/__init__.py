"""The owner's pages: the switch, the keys, and what each key may do."""
