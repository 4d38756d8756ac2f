"""What an operator runs and looks at."""
