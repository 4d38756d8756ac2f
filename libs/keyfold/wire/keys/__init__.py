"""Keys: their secrets as text, and their states packed into memory."""
