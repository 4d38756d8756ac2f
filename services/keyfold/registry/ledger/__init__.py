"""The ledger over HTTP: its events, histories, signed heads and what is in force."""
