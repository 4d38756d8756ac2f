-- Keep which number was the last of each gatekeeper's run that is over
-- depends: 20261123_10_requests

-- migrate: apply

-- What a shipper said last of a run: that everything of its journal was shipped, up to that number. It is exact when no
-- record can have been lost behind it. Noted before what came with it is filed, and more than once.
create table access_log.closed_runs (
    gatekeeper text collate "C" primary key,
    last_number bigint not null check (last_number > 0),
    is_exact boolean not null,
    -- When its journal was last written to, by the clock of its host.
    at timestamptz not null,
    noted_at timestamptz not null default clock_timestamp()
);

create index closed_runs_at on access_log.closed_runs (at);

grant select, insert, update (last_number, is_exact, at, noted_at), delete on access_log.closed_runs to keyfold_audit;

-- migrate: rollback
