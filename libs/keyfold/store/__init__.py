"""PostgreSQL: the ledger, the read model and the access log; the only package that speaks SQL."""
