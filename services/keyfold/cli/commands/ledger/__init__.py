"""`keyfold ledger` and `keyfold state`: the ledger, its proof, and the past."""
