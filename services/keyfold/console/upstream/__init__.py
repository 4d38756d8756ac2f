"""What the console asks the other services, and how it handles their answers."""
