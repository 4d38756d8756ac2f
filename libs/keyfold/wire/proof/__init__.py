"""Proofs of the ledger, by its chain and its signed heads."""
