"""The gatekeeper's replica of the ledger: how it is loaded, kept up to date, and leased."""
