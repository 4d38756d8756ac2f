"""The ledger of lifecycle events: appended once, read in order, proved by signed heads."""
