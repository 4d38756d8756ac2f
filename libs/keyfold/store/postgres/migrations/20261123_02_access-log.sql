-- Create the access log
-- depends: 20261123_01_ledger

-- migrate: apply

create schema access_log;

-- One row an access event, one partition a UTC day (made by libs.store.access_log_partitions). There is no
-- default partition: one stray row in it would block each new partition, and DETACH CONCURRENTLY refuses it.
create table access_log.events (
    at timestamptz not null,
    event_id uuid not null,
    account_id text,
    key_id text,
    vendor_id text,
    vendor_key_id text,
    category text,
    access text,
    method text not null,
    path text not null,
    reason text,
    position bigint not null,
    gateway text not null,
    client_ip inet,
    gatekeeper text not null,
    seq bigint not null,
    traceparent text,
    primary key (at, event_id)
) partition by range (at);

-- Whose activity is asked for, newest first. Events without the id are no one's, and not in the index.
create index events_account on access_log.events (account_id, at desc, event_id desc) where account_id is not null;
create index events_key on access_log.events (key_id, at desc, event_id desc) where key_id is not null;
create index events_vendor on access_log.events (vendor_id, at desc, event_id desc) where vendor_id is not null;

-- How far each partition of a topic was filed: moved in the transaction that files.
create table access_log.offsets (
    topic text not null,
    partition integer not null,
    next_offset bigint not null check (next_offset >= 0),
    primary key (topic, partition)
);

-- When each key, subscriber's or vendor's, was last used, to the minute. Rewritten in place, which needs room in the page.
create table access_log.last_used (
    key_id text primary key,
    last_used_at timestamptz not null
) with (fillfactor = 70);

-- migrate: rollback
