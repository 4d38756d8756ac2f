"""What callers share: files, connections, turns. Nobody uses up what others need."""
