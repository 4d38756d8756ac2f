"""What callers share."""
