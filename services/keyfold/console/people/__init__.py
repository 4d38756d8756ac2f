"""Who may sign in for an account or a vendor: those who do, and those who were invited."""
