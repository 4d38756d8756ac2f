-- Let the audit service read what vendors and keys are called
-- depends: 20261130_01_last-refused

-- migrate: apply

-- The log keeps ids alone. What they are called today is in the read model, of which the audit service may read nothing
-- else. A generation that is made from now on grants this itself (read_model_tables.sql).
do $$
declare
    each record;
begin
    for each in
        select nspname as generation, relname as name, string_agg(quote_ident(attname), ', ') as columns
        from pg_catalog.pg_attribute
        join pg_catalog.pg_class on pg_class.oid = attrelid
        join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
        where nspname in ('projection', 'projection_next', 'projection_old')
          and (
              (relname = 'vendors' and attname in ('vendor_id', 'name'))
              or (relname = 'keys' and attname in ('key_id', 'account_id', 'name'))
          )
        group by nspname, relname
    loop
        execute format('grant usage on schema %I to keyfold_audit', each.generation);
        execute format('grant select (%s) on %I.%I to keyfold_audit', each.columns, each.generation, each.name);
    end loop;
end
$$;

-- migrate: rollback
