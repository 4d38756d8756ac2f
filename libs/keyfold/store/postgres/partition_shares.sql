-- Who reads which partitions of a topic: session locks, numbered by partition, in a class for the topic.
-- Every member holds number -1, shared.

-- name: join(topic)!
-- Be a member for as long as the session lasts. A machine that vanishes silently, and a frozen process, which does not
-- settle every second, are noticed in some 20 seconds, rather than in hours or never.
select
    pg_advisory_lock_shared(hashtext(:topic), -1),
    set_config('tcp_keepalives_idle', '10', false),
    set_config('tcp_keepalives_interval', '3', false),
    set_config('tcp_keepalives_count', '3', false),
    set_config('idle_session_timeout', '20s', false);

-- name: membership(topic)^
-- How many members there are, and how many come before this session in an order that is the same for all.
select count(*) as members, count(*) filter (where pid < pg_backend_pid()) as before
from pg_locks
where locktype = 'advisory'
  and granted
  and database = (select oid from pg_database where datname = current_database())
  and classid = hashtext(:topic)::oid
  and objid = (-1)::oid
  and objsubid = 2;

-- name: try_take(topic, partition)$
-- Take a partition unless another session has it. If it were taken twice, it would have to be given back twice.
select pg_try_advisory_lock(hashtext(:topic), :partition);

-- name: give_back(topic, partition)$
-- Let another member take it. Everything read from it must be filed by now.
select pg_advisory_unlock(hashtext(:topic), :partition);
