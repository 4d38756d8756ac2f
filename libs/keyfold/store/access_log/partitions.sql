-- The access log's daily partitions. PostgreSQL takes no parameters in the statements that make and drop them, so the
-- queries here return the text of one, quoted by PostgreSQL itself.

-- name: partitions()
-- Every partition with its day, and whether a detachment of it was interrupted.
select child.relname as name, held.inhdetachpending as detach_pending
from pg_inherits as held
join pg_class as child on child.oid = held.inhrelid
where held.inhparent = 'access_log.events'::regclass
order by child.relname;

-- name: detached()
-- Tables that were partitions once and are not dropped yet.
select child.relname as name
from pg_class as child
join pg_namespace as home on home.oid = child.relnamespace
where home.nspname = 'access_log' and child.relkind = 'r'
  and child.relname ~ '^events_[0-9]{8}$'
  and not child.relispartition
order by child.relname;

-- name: own_what_is_made()#
-- Until the transaction ends, new tables belong to the role and not to the login, so that another login can drop them.
set local role keyfold_audit;

-- name: make_statement(name)$
-- A table of its own and then ATTACH, which takes SHARE UPDATE EXCLUSIVE on the parent: neither readers nor writers
-- wait. CREATE TABLE … PARTITION OF would take ACCESS EXCLUSIVE.
select format('create table access_log.%I (like access_log.events including all)', :name::text);

-- name: attach_statement(name, since, until)$
select format(
    'alter table access_log.events attach partition access_log.%I for values from (%L) to (%L)',
    :name::text, :since::timestamptz, :until::timestamptz
);

-- name: detach_statement(name)$
-- Outside a transaction. Waits for the transactions that use the parent now; none waits for it.
select format('alter table access_log.events detach partition access_log.%I concurrently', :name::text);

-- name: finalize_statement(name)$
-- Finishes an interrupted detachment.
select format('alter table access_log.events detach partition access_log.%I finalize', :name::text);

-- name: drop_statement(name)$
select format('drop table if exists access_log.%I', :name::text);

-- name: lock_making()#
-- One process makes partitions at a time, until its transaction ends.
select pg_advisory_xact_lock(hashtext('keyfold.access_log.making'));

-- name: try_lock_dropping()$
-- One process drops partitions at a time, until its session ends; the others have nothing to do.
select pg_try_advisory_lock(hashtext('keyfold.access_log.dropping'));
