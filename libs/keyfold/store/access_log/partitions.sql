-- The access log's daily partitions. PostgreSQL takes no parameters in these statements, so each query here
-- returns the text of one, quoted by PostgreSQL itself.

-- name: partitions()
-- Every partition with its day, and whether a detachment of it was interrupted.
select child.relname as name, held.inhdetachpending as detach_pending
from pg_inherits as held
join pg_class as child on child.oid = held.inhrelid
where held.inhparent = 'access_log.events'::regclass
order by child.relname;

-- name: detached()
-- Tables that were partitions once and were not dropped yet.
select child.relname as name
from pg_class as child
join pg_namespace as home on home.oid = child.relnamespace
where home.nspname = 'access_log' and child.relkind = 'r'
  and child.relname ~ '^events_[0-9]{8}$'
  and not child.relispartition
order by child.relname;

-- name: own_what_is_made()#
-- Until the transaction ends, what is made belongs to the role and not to the login: another login can drop it.
set local role keyfold_audit;

-- name: make_statement(name)$
-- A table beside the others and then ATTACH: that takes SHARE UPDATE EXCLUSIVE on the parent, and neither
-- readers nor writers wait. CREATE TABLE … PARTITION OF would take ACCESS EXCLUSIVE.
select format('create table access_log.%I (like access_log.events including all)', :name::text);

-- name: attach_statement(name, since, until)$
select format(
    'alter table access_log.events attach partition access_log.%I for values from (%L) to (%L)',
    :name::text, :since::timestamptz, :until::timestamptz
);

-- name: detach_statement(name)$
-- Outside a transaction. Waits for those who use the parent now, and nobody waits for it.
select format('alter table access_log.events detach partition access_log.%I concurrently', :name::text);

-- name: finalize_statement(name)$
-- Ends a detachment that was interrupted.
select format('alter table access_log.events detach partition access_log.%I finalize', :name::text);

-- name: drop_statement(name)$
select format('drop table if exists access_log.%I', :name::text);

-- name: lock_making()#
-- One maker at a time, until the transaction ends.
select pg_advisory_xact_lock(hashtext('keyfold.access_log.making'));

-- name: try_lock_dropping()$
-- One dropper at a time, until its session ends; the others have nothing to do.
select pg_try_advisory_lock(hashtext('keyfold.access_log.dropping'));
