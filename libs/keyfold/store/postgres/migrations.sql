-- name: lock_migrations()$
-- Wait until no other session migrates this database, and hold that place until this session ends.
select pg_catalog.pg_advisory_lock(7521962890172401);

-- name: may_read_history()$
-- Whether this user may read which migrations were applied; null while none ever was. That column is added to the table
-- last. The schema is looked up by name, as a cast to regclass fails for a schema that this user may not use.
select has_table_privilege(history.oid, 'select')
from pg_class as history
join pg_namespace as home on home.oid = history.relnamespace
join pg_attribute as last on last.attrelid = history.oid
where home.nspname = 'public' and history.relname = '_pogo_migration' and last.attname = 'schema_name';
