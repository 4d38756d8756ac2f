"""Accounts, vendors, both kinds of key, logins: their events, commands, state and history."""
