"""PostgreSQL; the only package that speaks SQL. Its wings stand on `postgres` and do not know each other.

Each statement is in a .sql file beside the code that runs it.
"""
