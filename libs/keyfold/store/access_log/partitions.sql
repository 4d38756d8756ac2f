-- The access log's daily partitions. Only functions of their owner make and drop them (see the migrations).

-- name: partitions()
-- Every partition.
select child.relname as name
from pg_inherits as held
join pg_class as child on child.oid = held.inhrelid
where held.inhparent = 'access_log.events'::regclass
order by child.relname;

-- name: days()
-- Every partition, and every table that was one once and is not dropped yet.
select child.relname as name
from pg_class as child
join pg_namespace as home on home.oid = child.relnamespace
where home.nspname = 'access_log' and child.relkind = 'r' and child.relname ~ '^events_[0-9]{8}$'
order by child.relname;

-- name: make_day(day)$
-- A table of its own and then ATTACH, which takes SHARE UPDATE EXCLUSIVE on the parent: neither readers nor writers
-- wait. CREATE TABLE … PARTITION OF would take ACCESS EXCLUSIVE.
select access_log.make_day(:day);

-- name: drop_day(day)!
select access_log.drop_day(:day);

-- name: lock_making()#
-- One process makes partitions at a time, until its transaction ends.
select pg_advisory_xact_lock(hashtext('keyfold.access_log.making'));

-- name: try_lock_dropping()$
-- One process drops partitions at a time, until its session ends; the others have nothing to do.
select pg_try_advisory_lock(hashtext('keyfold.access_log.dropping'));
