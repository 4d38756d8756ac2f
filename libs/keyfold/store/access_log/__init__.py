"""The access log: rows by day for 90 days, their counts and sums, and how they are asked for."""
