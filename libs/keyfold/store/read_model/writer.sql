-- name: hold_generation()^
-- Keep the generation under its name until this transaction ends. The statements that follow find their tables by
-- name anew each time, so without this a swap could come between two of them.
select pg_advisory_xact_lock_shared(hashtextextended('{schema}', 0));

-- name: lock_progress()^
-- Where the generation stands. The row is locked until the commit, so of two writers one waits and then finds it moved.
select position, head, next_offset, shape, seal_key, state_digest from {schema}.progress for update;

-- name: advance(position, head, next_offset, seal_key, state_digest, announces)^
-- Move the progress on, which must be locked, and if this generation serves tell whoever waits when the transaction
-- commits.
with moved as (
    update {schema}.progress
    set position = :position,
        head = :head,
        next_offset = :next_offset,
        seal_key = :seal_key,
        state_digest = :state_digest
    returning position
)
select case when :announces::boolean then pg_notify('keyfold_projection', position::text) end from moved;

-- name: announce(position)^
-- Tell whoever waits that this position is served, when the transaction commits.
select pg_notify('keyfold_projection', (:position::bigint)::text);

-- name: accounts_in(ids)
-- The accounts with these ids, those that exist.
select * from {schema}.accounts where account_id = any(:ids::text[]);

-- name: vendors_in(ids)
-- The vendors with these ids, those that exist.
select * from {schema}.vendors where vendor_id = any(:ids::text[]);

-- name: keys_in(ids)
-- The keys with these ids, those that exist.
select * from {schema}.keys where key_id = any(:ids::text[]);

-- name: put_accounts(account_id, name, integrations_enabled, version, created_position)!
-- Write accounts as they are now. When a row was created stays as it was first written.
insert into {schema}.accounts (
    account_id, name, integrations_enabled, version, created_position
)
select * from unnest(
    :account_id::text[], :name::text[], :integrations_enabled::boolean[], :version::integer[],
    :created_position::bigint[]
)
on conflict (account_id) do update set
    name = excluded.name,
    integrations_enabled = excluded.integrations_enabled,
    version = excluded.version;

-- name: put_vendors(vendor_id, name, contact_email, website, intended_use, categories, applicant, state, reason, reviews, reviews_void, warned_lapse_at, due_at, version, created_position)!
-- Write vendors as they are now. When a row was created stays as it was first written.
insert into {schema}.vendors (
    vendor_id, name, contact_email, website, intended_use, categories, applicant, state, reason, reviews,
    reviews_void, warned_lapse_at, due_at, version, created_position
)
select * from unnest(
    :vendor_id::text[], :name::text[], :contact_email::text[], :website::text[], :intended_use::text[],
    :categories::text[], :applicant::text[], :state::text[], :reason::text[], :reviews::text[], :reviews_void::integer[],
    :warned_lapse_at::timestamptz[], :due_at::timestamptz[], :version::integer[],
    :created_position::bigint[]
)
on conflict (vendor_id) do update set
    name = excluded.name,
    contact_email = excluded.contact_email,
    website = excluded.website,
    intended_use = excluded.intended_use,
    categories = excluded.categories,
    applicant = excluded.applicant,
    state = excluded.state,
    reason = excluded.reason,
    reviews = excluded.reviews,
    reviews_void = excluded.reviews_void,
    warned_lapse_at = excluded.warned_lapse_at,
    due_at = excluded.due_at,
    version = excluded.version;

-- name: put_keys(key_id, account_id, vendor_id, name, expires_at, revoked_at, due_at, packed, version, created_position)!
-- Write keys as they are now. When a row was created stays as it was first written; so does whose key it is.
insert into {schema}.keys (
    key_id, account_id, vendor_id, name, expires_at, revoked_at, due_at, packed,
    version, created_position
)
select * from unnest(
    :key_id::text[], :account_id::text[], :vendor_id::text[], :name::text[], :expires_at::timestamptz[],
    :revoked_at::timestamptz[], :due_at::timestamptz[], :packed::bytea[],
    :version::integer[], :created_position::bigint[]
)
on conflict (key_id) do update set
    name = excluded.name,
    expires_at = excluded.expires_at,
    revoked_at = excluded.revoked_at,
    due_at = excluded.due_at,
    packed = excluded.packed,
    version = excluded.version;
