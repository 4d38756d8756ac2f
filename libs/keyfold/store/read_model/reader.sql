-- name: progress()^
-- How far the generation has come, and which shape it has.
select position, head, next_offset, shape from {schema}.progress;

-- name: get_account(account_id)^
-- One account. The columns of a row are read by name, so `*` stands for all that the shape has.
select * from {schema}.accounts where account_id = :account_id;

-- name: get_vendor(vendor_id)^
-- One vendor.
select * from {schema}.vendors where vendor_id = :vendor_id;

-- name: get_key(key_id)^
-- One key of either kind.
select * from {schema}.keys where key_id = :key_id;

-- name: list_account_keys(account_id, before, state, now, limit)
-- Subscriber keys of an account, newest first, older than `before`; in one state, or all. A key expires by the
-- clock alone, so its state is told from the time that the caller gives.
select * from {schema}.keys
where
    account_id = :account_id
    and created_position < coalesce(:before::bigint, 9223372036854775807)
    and case :state::text
        when 'active' then revoked_at is null and (expires_at is null or expires_at > :now::timestamptz)
        when 'expired' then revoked_at is null and expires_at <= :now::timestamptz
        when 'revoked' then revoked_at is not null
        else true
    end
order by created_position desc
limit :limit;

-- name: list_vendor_keys(vendor_id, before, limit)
-- Keys of a vendor, newest first, older than `before`.
select * from {schema}.keys
where vendor_id = :vendor_id and created_position < coalesce(:before::bigint, 9223372036854775807)
order by created_position desc
limit :limit;

-- name: list_vendors(before, state, applicant, limit)
-- Vendors, newest first, older than `before`; in one state or all, of one applicant or all.
select * from {schema}.vendors
where
    created_position < coalesce(:before::bigint, 9223372036854775807)
    and (:state::text is null or state = :state::text)
    and (:applicant::text is null or applicant = :applicant::text)
order by created_position desc
limit :limit;

-- name: due_keys(now, limit)
-- Keys for which something has fallen due that no event says yet, the longest due first.
select * from {schema}.keys where due_at <= :now order by due_at limit :limit;

-- name: due_vendors(now, limit)
-- Vendors for which something has fallen due that no event says yet, the longest due first.
select * from {schema}.vendors where due_at <= :now order by due_at limit :limit;

-- name: count_keys()$
-- How many keys of either kind there are.
select count(*) from {schema}.keys;

-- name: all_accounts()
-- Every account, in no order: what the state has of it, and no more.
select account_id, name, integrations_enabled from {schema}.accounts;

-- name: all_vendors()
-- Every vendor, in no order.
select * from {schema}.vendors;

-- name: all_keys()
-- Every key of either kind, packed, in no order.
select key_id, packed from {schema}.keys;
