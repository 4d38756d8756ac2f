"""What the gatekeeper holds of the ledger: how it is caught up, followed, and leased."""
