-- Create the gatekeepers' leases
-- depends: 20261123_02_access-log

-- migrate: apply

-- One row for each gatekeeper process that may be answering. It is removed by a clean shutdown, and left behind by
-- any other end: whoever waits for a position then waits until lease_s after renewed_at, on this server's clock.
create table ledger.gatekeepers (
    id text primary key,
    host text not null,
    applied_position bigint not null check (applied_position >= 0),
    lease_s double precision check (lease_s > 0),
    started_at timestamptz not null default clock_timestamp(),
    renewed_at timestamptz not null
);

-- migrate: rollback
