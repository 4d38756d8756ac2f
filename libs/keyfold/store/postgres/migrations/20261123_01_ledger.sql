-- Create the ledger and the relay's checkpoint
-- depends:

-- migrate: apply

create schema ledger;

-- One row. Locking it serialises appends, which is what keeps positions gapless.
create table ledger.head (
    only_row boolean primary key default true check (only_row),
    position bigint not null check (position >= 0),
    hash bytea not null check (octet_length(hash) = 32),
    recorded_at timestamptz not null
);

-- Before position 1, the hash is 32 zero bytes and every clock is later.
insert into ledger.head (position, hash, recorded_at)
values (0, decode(repeat('00', 32), 'hex'), 'epoch');

-- The data is json, not jsonb: its text is what the hash seals, so it must come back byte for byte.
create table ledger.events (
    position bigint primary key check (position > 0),
    stream text not null,
    version bigint not null check (version > 0),
    event_id uuid not null unique,
    type text not null,
    schema_version integer not null check (schema_version > 0),
    data json not null,
    actor_role text not null,
    actor_subject text not null,
    request_id text not null,
    recorded_at timestamptz not null,
    traceparent text,
    hash bytea not null check (octet_length(hash) = 32),
    unique (stream, version)
);

-- One row. How far the relay knows that Kafka has the ledger.
create table ledger.relay_checkpoint (
    only_row boolean primary key default true check (only_row),
    position bigint not null check (position >= 0)
);

insert into ledger.relay_checkpoint (position) values (0);

-- migrate: rollback
