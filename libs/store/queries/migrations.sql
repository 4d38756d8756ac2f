-- name: lock_migrations()$
-- Wait until no other session migrates this database, and hold that place until this session ends.
select pg_catalog.pg_advisory_lock(7521962890172401);

-- name: has_history()$
-- Whether any migration was ever applied.
select to_regclass('public._pogo_migration') is not null;
