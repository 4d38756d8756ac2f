"""`keyfold activity`: who touched what."""
