"""The write side: commands decided and appended to the ledger, and current state read back."""
