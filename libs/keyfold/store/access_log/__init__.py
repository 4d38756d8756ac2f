"""The access log: rows by day for 90 days, their counts and sums, and the queries over them."""
