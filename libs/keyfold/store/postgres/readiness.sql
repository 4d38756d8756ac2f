-- name: is_read_only()$
-- Whether a transaction may write nothing: on a standby, where writes are turned off, and for a login or a database
-- that is set so.
select current_setting('transaction_read_only')::bool;

-- name: has_role(role)$
-- Whether this login has the rights of a role; not where there is no such role.
select coalesce((select pg_has_role(oid, 'usage') from pg_roles where rolname = :role), false);
