-- name: of_account(account_id, types, before, limit)
-- What happened to an account and its keys, newest first, below a position; of these types, or all.
select position, stream
from ledger.events
where account_id = :account_id and position < :before
    and (:types::text[] is null or type = any(:types::text[]))
order by position desc
limit :limit;

-- name: of_key(account_id, stream, types, before, limit)
-- What happened to one key of an account, newest first, below a position; of these types, or all.
select position, stream
from ledger.events
where stream = :stream and account_id = :account_id and position < :before
    and (:types::text[] is null or type = any(:types::text[]))
order by position desc
limit :limit;

-- name: of_vendor(vendor_id, types, before, limit)
-- What happened to a vendor and its keys, newest first, below a position; of these types, or all.
select position, stream
from ledger.events
where vendor_id = :vendor_id and position < :before
    and (:types::text[] is null or type = any(:types::text[]))
order by position desc
limit :limit;

-- name: streams_until(streams, last)
-- The events of these streams up to a position, in order.
select
    position, stream, event_id::text as event_id, type, schema_version, data,
    actor_role, actor_subject, request_id, recorded_at
from ledger.events
where stream = any(:streams::text[]) and position <= :last
order by position;
