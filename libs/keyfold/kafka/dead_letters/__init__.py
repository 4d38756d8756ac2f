"""Dead letters: what is set aside, how much of it, and the newest."""
