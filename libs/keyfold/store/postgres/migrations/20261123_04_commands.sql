-- Find an account's, a vendor's and an applicant's events, and keep answers of commands
-- depends: 20261123_03_leases

-- migrate: apply

-- Whose an event is, read off its data: histories and bounds ask for it, and the hash does not cover it twice.
alter table ledger.events
    add column account_id text generated always as (data ->> 'account_id') stored,
    add column vendor_id text generated always as (data ->> 'vendor_id') stored;

create index events_account on ledger.events (account_id, position) where account_id is not null;
create index events_vendor on ledger.events (vendor_id, position) where vendor_id is not null;

-- Which keys an account has, and when its last one was made: every command that makes one asks, under the head's lock.
create index events_account_keys on ledger.events (account_id, type, position) include (stream)
where type in ('keyfold.subscriber_key.created', 'keyfold.subscriber_key.revoked');

-- What an applicant has applied for, at first or again.
create index events_applications on ledger.events ((data ->> 'applicant'), position)
where type in ('keyfold.vendor.applied', 'keyfold.vendor.reapplied');

-- The answers of commands that came with an Idempotency-Key. An answer may hold a secret, so it is sealed under a
-- key that is derived from the Idempotency-Key itself, which is not here: id is a digest of it and of the caller.
create table ledger.kept_answers (
    id bytea primary key check (octet_length(id) = 32),
    fingerprint bytea not null check (octet_length(fingerprint) = 32),
    sealed bytea not null,
    position bigint not null check (position >= 0),
    kept_at timestamptz not null
);

create index kept_answers_age on ledger.kept_answers (kept_at);

-- migrate: rollback
