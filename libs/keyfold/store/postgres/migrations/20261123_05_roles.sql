-- Grant each service what it needs, and nothing more
-- depends: 20261123_04_commands

-- migrate: apply

-- The roles are there: libs.store.roles makes them, for they are the cluster's. A later migration grants what it
-- makes in its own file. No role may change or remove an event of the ledger: only who owns the tables could.
grant usage on schema public to
    keyfold_registry, keyfold_relay, keyfold_projection, keyfold_gatekeeper, keyfold_audit;
grant select on public._pogo_migration to
    keyfold_registry, keyfold_relay, keyfold_projection, keyfold_gatekeeper, keyfold_audit;

grant usage on schema ledger to keyfold_registry, keyfold_relay, keyfold_gatekeeper;

grant select, insert on ledger.events to keyfold_registry;
grant select, update (position, hash, recorded_at) on ledger.head to keyfold_registry;
grant select, insert, update (fingerprint, sealed, position, kept_at), delete
    on ledger.kept_answers to keyfold_registry;
grant select on ledger.gatekeepers to keyfold_registry;

grant select on ledger.events, ledger.head to keyfold_relay;
grant select, update (position) on ledger.relay_checkpoint to keyfold_relay;

-- A lock on the head, which a lease is read under, wants the right to change a column. This one has one value only.
grant select, update (only_row) on ledger.head to keyfold_gatekeeper;
grant select, insert, update (applied_position, lease_s, renewed_at), delete
    on ledger.gatekeepers to keyfold_gatekeeper;

grant usage on schema access_log to keyfold_registry;
grant select on access_log.last_used to keyfold_registry;

grant usage, create on schema access_log to keyfold_audit;
grant select, insert, update (next_offset) on access_log.offsets to keyfold_audit;
grant select, insert, update (last_used_at) on access_log.last_used to keyfold_audit;

-- Partitions are attached, detached and dropped by whoever owns them and the table. To own is not to edit: of the
-- rights of an owner, what a log has no use for is taken away, here and from the partitions that are to come. A
-- partition that was detached and is not dropped yet has its name still.
alter default privileges for role keyfold_audit revoke update, delete, truncate on tables from keyfold_audit;

do $$
declare
    each regclass;
begin
    for each in
        select oid from pg_catalog.pg_class
        where relnamespace = 'access_log'::pg_catalog.regnamespace
          and relkind in ('r', 'p') and relname ~ '^events(_[0-9]{8})?$'
    loop
        execute format('alter table %s owner to keyfold_audit', each);
        execute format('revoke update, delete, truncate on %s from keyfold_audit', each);
    end loop;
end
$$;

-- Generations of the read model that were made before there were roles. The schema comes first, for a table's new
-- owner must have the right to make tables there.
do $$
declare
    generation name;
    each regclass;
begin
    for generation in
        select nspname from pg_catalog.pg_namespace
        where nspname in ('projection', 'projection_next', 'projection_old')
    loop
        execute format('alter schema %I owner to keyfold_projection', generation);
        for each in
            select oid from pg_catalog.pg_class
            where relnamespace = generation::text::pg_catalog.regnamespace and relkind = 'r'
        loop
            execute format('alter table %s owner to keyfold_projection', each);
        end loop;
        execute format('grant usage on schema %I to keyfold_registry, keyfold_gatekeeper', generation);
        execute format('grant select on all tables in schema %I to keyfold_registry, keyfold_gatekeeper', generation);
    end loop;
end
$$;

-- migrate: rollback
