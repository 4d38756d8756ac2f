"""What is promised against those who should not get in, on real services."""
