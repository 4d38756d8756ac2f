-- name: create_generation()#
-- The tables of one generation of the read model, empty, before position 1. Whoever changes them raises SHAPE in
-- rows.py. No type is of our own making and no name but the schema differs between generations:
-- so a statement that was prepared against one goes on working when another takes its name.
-- `state_digest` seals what rows there are for where they are of: libs/keyfold/wire/proof/state_digest.py. JSON is
-- text, so that it comes back as it was written, byte for byte.
-- All of it belongs to the role and not to the login that made it, so that another login can replace it.
set local role keyfold_projection;

create schema {schema};

create table {schema}.progress (
    singleton boolean primary key default true check (singleton),
    position bigint not null,
    head bytea not null check (length(head) = 32),
    next_offset bigint not null,
    shape integer not null,
    seal_key bytea not null,
    state_digest bytea not null
);

create table {schema}.accounts (
    account_id text collate "C" primary key,
    name text not null,
    integrations_enabled boolean not null,
    version integer not null,
    created_position bigint not null
);

create table {schema}.vendors (
    vendor_id text collate "C" primary key,
    name text not null,
    contact_email text not null,
    website text not null,
    intended_use text not null,
    categories text not null,
    applicant text not null,
    state text not null,
    reason text,
    reviews text not null,
    reviews_void integer not null,
    warned_lapse_at timestamptz,
    due_at timestamptz,
    version integer not null,
    created_position bigint not null
);
create index vendors_newest on {schema}.vendors (created_position desc);
create index vendors_due on {schema}.vendors (due_at) where due_at is not null;
create index vendors_by_applicant on {schema}.vendors (applicant, created_position desc);

-- `packed` is all of a key, as a gatekeeper keeps it: libs/keyfold/wire/keys/packed_key.py. The other columns are what
-- keys are found, listed and named by.
create table {schema}.keys (
    key_id text collate "C" primary key,
    account_id text collate "C",
    vendor_id text collate "C",
    name text,
    expires_at timestamptz,
    revoked_at timestamptz,
    due_at timestamptz,
    packed bytea not null,
    version integer not null,
    created_position bigint not null,
    check ((account_id is null) <> (vendor_id is null)),
    check ((account_id is null) = (name is null)),
    check (revoked_at is null or due_at is null)
);
create index keys_due on {schema}.keys (due_at) where due_at is not null;
create index keys_by_account on {schema}.keys (account_id, created_position desc) where account_id is not null;
create index keys_by_vendor on {schema}.keys (vendor_id, created_position desc) where vendor_id is not null;

grant usage on schema {schema} to keyfold_registry, keyfold_gatekeeper;
grant select on all tables in schema {schema} to keyfold_registry, keyfold_gatekeeper;

-- The access log keeps ids alone: whoever shows it needs the names, and nothing else of this.
grant usage on schema {schema} to keyfold_audit;
grant select (vendor_id, name) on {schema}.vendors to keyfold_audit;
grant select (key_id, account_id, name) on {schema}.keys to keyfold_audit;
