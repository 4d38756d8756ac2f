-- name: progress()^
-- How far the generation has come, and which shape it has.
select position, head, next_offset, shape from {schema}.progress;

-- name: list_account_keys(account_id, before, state, now, limit)
-- Subscriber keys of an account, newest first, older than `before`; in one state, or all. A key expires by the
-- clock alone, so its state is told from the time that the caller gives.
select key_id as id, created_position from {schema}.keys
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
select key_id as id, created_position from {schema}.keys
where vendor_id = :vendor_id and created_position < coalesce(:before::bigint, 9223372036854775807)
order by created_position desc
limit :limit;

-- name: list_vendors(before, state, applicant, limit)
-- Vendors, newest first, older than `before`; in one state or all, of one applicant or all.
select vendor_id as id, created_position from {schema}.vendors
where
    created_position < coalesce(:before::bigint, 9223372036854775807)
    and (:state::text is null or state = :state::text)
    and (:applicant::text is null or applicant = :applicant::text)
order by created_position desc
limit :limit;

-- name: due_keys(now, limit)
-- Keys for which something has fallen due that no event says yet, the longest due first.
select key_id, account_id, vendor_id from {schema}.keys where due_at <= :now order by due_at limit :limit;

-- name: due_vendors(now, limit)
-- Vendors for which something has fallen due that no event says yet, the longest due first.
select vendor_id from {schema}.vendors where due_at <= :now order by due_at limit :limit;

