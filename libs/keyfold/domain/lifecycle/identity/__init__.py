"""Who may sign in for an account or a vendor: logins, and the invitations that bind them."""
