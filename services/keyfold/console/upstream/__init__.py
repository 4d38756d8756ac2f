"""What the console asks of the other services, and what it makes of their answers."""
