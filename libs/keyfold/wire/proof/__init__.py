"""Proofs of the ledger: its chain and its signed heads."""
