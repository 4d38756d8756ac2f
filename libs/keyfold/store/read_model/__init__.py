"""The read model: what the ledger comes to, built in generations that are swapped."""
