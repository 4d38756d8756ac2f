-- Know up to when the access log is whole
-- depends: 20261130_02_names

-- migrate: apply

-- How many decisions a gatekeeper has journalled: all those of before a time, by its own clock. Null of one of a version
-- before, which does not say.
alter table ledger.gatekeepers
    add column journalled bigint check (journalled >= 0),
    add column journalled_at timestamptz;

grant update (journalled, journalled_at) on ledger.gatekeepers to keyfold_gatekeeper;
grant usage on schema ledger to keyfold_audit;
grant select (id, journalled, journalled_at) on ledger.gatekeepers to keyfold_audit;

-- A run that wrote nothing is closed too.
alter table access_log.closed_runs drop constraint closed_runs_last_number_check;
alter table access_log.closed_runs add constraint closed_runs_last_number_check check (last_number >= 0);

-- One row for each run that anything is known of.
create table access_log.runs (
    gatekeeper text collate "C" primary key,
    -- The log has each of its numbers up to this one.
    filed_to bigint not null,
    -- How many it is known to have journalled, by whoever said most, and all of which are from before when.
    journalled bigint not null default 0,
    journalled_at timestamptz,
    -- The log has each of its decisions of before this. Null where nothing is known of when it was begun.
    whole_until timestamptz,
    -- How many numbers behind filed_to are lacking, though there are higher ones, and since when that is known, by this
    -- server's clock.
    lacking bigint not null default 0,
    lacking_since timestamptz,
    -- No number is to come any more.
    is_over boolean not null default false
);

create index runs_open on access_log.runs (whole_until nulls first) where not is_over;

grant select, insert, update (filed_to, journalled, journalled_at, whole_until, lacking, lacking_since, is_over), delete
    on access_log.runs to keyfold_audit;

-- migrate: rollback
