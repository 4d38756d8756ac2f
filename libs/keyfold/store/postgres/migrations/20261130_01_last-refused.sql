-- Note when a key was last refused
-- depends: 20261123_14_unattributed

-- migrate: apply

-- When a request with a secret of each key, one that works or worked, was last not recognised (401), to the minute.
create table access_log.last_refused (
    key_id text primary key,
    last_refused_at timestamptz not null
) with (fillfactor = 70);

grant select on access_log.last_refused to keyfold_registry;
grant select, insert, update (last_refused_at) on access_log.last_refused to keyfold_audit;

-- migrate: rollback
