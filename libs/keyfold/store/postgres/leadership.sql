-- name: try_lock(lock)$
-- Become leader if nobody is. The lock is the session's and ends with it. A machine that vanishes without a word, and
-- a process that is frozen and so proves nothing every other second, lose it in some 20 seconds.
select
    pg_try_advisory_lock(:lock),
    set_config('tcp_keepalives_idle', '10', false),
    set_config('tcp_keepalives_interval', '3', false),
    set_config('tcp_keepalives_count', '3', false),
    set_config('idle_session_timeout', '20s', false);

-- name: still_here()$
-- An answer proves that the session, and so the lock, still is.
select true;
