-- name: try_lock(lock)$
-- Become leader if nobody is. The session holds the lock, which ends with it. A machine that vanishes silently loses it
-- in some 20 seconds, and so does a frozen process, which gives no sign of life every other second.
select
    pg_try_advisory_lock(:lock),
    set_config('tcp_keepalives_idle', '10', false),
    set_config('tcp_keepalives_interval', '3', false),
    set_config('tcp_keepalives_count', '3', false),
    set_config('idle_session_timeout', '20s', false);

-- name: still_here()$
-- An answer proves that the session, and so the lock, still exists.
select true;
