"""Gatekeepers: their leases, and how far each has applied the ledger."""
