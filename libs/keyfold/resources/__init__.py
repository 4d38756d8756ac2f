"""What more than one service shows over HTTP, in one form."""
