-- name: is_read_only()$
-- Whether a transaction cannot write: on a standby, where writes are turned off, or when the login or the database is
-- set read-only.
select current_setting('transaction_read_only')::bool;

-- name: has_role(role)$
-- Whether this login has the rights of a role; false if there is no such role.
select coalesce((select pg_has_role(oid, 'usage') from pg_roles where rolname = :role), false);
