-- The services' roles and their logins. PostgreSQL takes no parameters in such statements, so each query whose name
-- ends in `_statement` returns the text of one, quoted by PostgreSQL itself.

-- name: missing_roles(roles)
-- Which of these roles the cluster lacks.
select wanted.role
from unnest(:roles::text[]) as wanted (role)
where not exists (select from pg_roles where rolname = wanted.role);

-- name: not_ours(roles)
-- Which of these roles this session does not have the privileges of.
select wanted.role
from unnest(:roles::text[]) as wanted (role)
where not pg_has_role(wanted.role, 'USAGE');

-- name: missing_on_database(roles, privileges)
-- Which of these privileges, role by role, are not held on this database.
select wanted.role, wanted.privilege
from unnest(:roles::text[], :privileges::text[]) as wanted (role, privilege)
where not has_database_privilege(wanted.role, current_database(), wanted.privilege);

-- name: create_role_statement(role)$
select format('create role %I nologin', :role::text);

-- name: join_role_statement(role)$
select format('grant %I to %I', :role::text, current_user);

-- name: grant_on_database_statement(role, privilege)$
select format('grant %s on database %I to %I', :privilege::text, current_database(), :role::text);

-- name: login_exists(login)$
select exists (select from pg_roles where rolname = :login);

-- name: create_login_statement(login)$
select format('create role %I login', :login::text);

-- name: set_password_statement(login, verifier)$
select format('alter role %I login password %L', :login::text, :verifier::text);

-- name: admit_statement(login, role)$
-- Let the login do what the role may do.
select format('grant %I to %I', :role::text, :login::text);

-- name: rights_to_rewrite()
-- Who this session is, and whether it may update, delete or truncate the ledger's events, as the owner and any superuser
-- may. No row while there is no ledger. Asked by the table's oid, as this login may not use its schema.
select current_user as login, has_table_privilege(events.oid, 'update, delete, truncate') as may_rewrite
from pg_class as events
join pg_namespace as home on home.oid = events.relnamespace
where home.nspname = 'ledger' and events.relname = 'events';
