"""Who somebody is here: the caller, invitations, what a login is bound to, and links that work once."""
