"""`keyfold activity`: who accessed what."""
