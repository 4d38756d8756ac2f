"""`keyfold key`: subscriber keys."""
