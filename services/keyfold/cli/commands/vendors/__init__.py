"""`keyfold vendor`: vendors, their applications and keys."""
