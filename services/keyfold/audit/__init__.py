"""The audit service: writes access events to the log, keeps 90 days of them, answers who touched what."""
