"""Accounts, vendors, keys and decisions as pure values and functions: no I/O, no clock, no randomness."""
