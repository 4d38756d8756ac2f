"""The audit service: files access events into the log, keeps 90 days of them, answers who touched what."""
