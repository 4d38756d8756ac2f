-- name: head()^
-- The last position and its hash.
select position, hash from ledger.head;

-- name: has_seals()$
-- Whether any row has a seal. It may have to read them all, and is asked only where the head has none.
select exists (select from ledger.events where seal is not null);

-- name: rows_after(position, limit)
-- Whole rows above a position, in order; a limit, for the caller works through them in pages.
select
    position, stream, version, event_id::text as event_id, type, schema_version, data,
    actor_role, actor_subject, request_id, recorded_at, traceparent, hash, seal
from ledger.events
where position > :position
order by position
limit :limit;
