-- name: try_lock(lock)$
-- Become leader if nobody is. The lock is the session's and ends with it.
select pg_try_advisory_lock(:lock);

-- name: still_here()$
-- An answer proves that the session, and so the lock, still is.
select true;
